"""What a real Envoy does with revocation lists: the facts that our secrets are built on."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import Secret as EnvoySecret
from envoy_data_plane.envoy.service.discovery.v3 import DiscoveryResponse
from support import handshakes, needs
from support.ca import TestCa
from support.envoy_process import EnvoyProcess
from support.sidecar_pair import free_port

from accredit.envoy.address import Endpoint
from accredit.identity.bundle import TrustBundle
from accredit.identity.x509_svid import X509Svid
from accredit.sds_server import secrets, wire

NOW = datetime.now(UTC).replace(microsecond=0)
OLD, NEW, PARTNER = TestCa(now=NOW), TestCa(now=NOW), TestCa("partner.example", now=NOW)
SERVER = OLD.svid("spiffe://td.example/server")
GOOD, REVOKED, OF_NEW, PARTNERS = (
    OLD.svid(),
    OLD.svid(),
    NEW.svid(),
    PARTNER.svid("spiffe://partner.example/a"),
)
LIST = OLD.crl(REVOKED.leaf.serial_number)
ENDED = OLD.crl(REVOKED.leaf.serial_number, ends=NOW - timedelta(minutes=1))
_TYPES = "type.googleapis.com/envoy.extensions"


def own(*crls: bytes) -> TrustBundle:
    return TrustBundle(OLD.trust_domain, (OLD.root, NEW.root), crls=crls)


def spiffe(*crls: bytes) -> dict[str, Any]:
    """Return our secret's validation context, in which the partner is trusted as well."""
    bundles = {OLD.trust_domain: own(*crls), PARTNER.trust_domain: PARTNER.bundle()}
    return _context(secrets.spiffe_context("ALL", bundles))


def plain(*crls: bytes) -> dict[str, Any]:
    return _context(secrets.plain_context("ROOTCA", own(*crls)))


def _context(secret: secrets.Secret) -> dict[str, Any]:
    (any_secret,) = DiscoveryResponse.parse(wire.response("v", "n", [secret.framed])).resources
    found = any_secret.unpack()
    assert isinstance(found, EnvoySecret)
    assert found.validation_context is not None
    return found.validation_context.to_dict()


def _in_the_field(context: dict[str, Any]) -> dict[str, Any]:
    pem = replace(own(), crls=(LIST, NEW.crl())).crl_pem
    return {**context, "crl": _inline(pem)}


def _inline(data: bytes) -> dict[str, str]:
    return {"inlineBytes": base64.b64encode(data).decode()}


@dataclass(frozen=True)
class Case:
    """``through`` are those whom Envoy serves, of good, revoked, of_new and partners."""

    context: dict[str, Any]
    through: set[str]


CASES = {
    "spiffe, no lists": Case(spiffe(), {"good", "revoked", "of_new", "partners"}),
    "spiffe, ours": Case(spiffe(LIST, NEW.crl()), {"good", "of_new", "partners"}),
    "spiffe, one root lacks its list": Case(spiffe(LIST), {"good", "partners"}),
    "spiffe, a list has ended": Case(spiffe(ENDED, NEW.crl()), {"of_new", "partners"}),
    "spiffe, in the field it ignores": Case(
        _in_the_field(spiffe()), {"good", "revoked", "of_new", "partners"}
    ),
    "plain, no lists": Case(plain(), {"good", "revoked", "of_new"}),
    "plain, ours": Case(plain(LIST, NEW.crl()), {"good", "of_new"}),
    "plain, one root lacks its list": Case(plain(LIST), {"good"}),
    "plain, a list has ended": Case(plain(ENDED, NEW.crl()), {"of_new"}),
}


def _listener(name: str, port: Endpoint) -> dict[str, Any]:
    manager = {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "statPrefix": "x",
        "httpFilters": [
            {"name": "r", "typedConfig": {"@type": f"{_TYPES}.filters.http.router.v3.Router"}}
        ],
        "routeConfig": {
            "virtualHosts": [
                {
                    "name": "x",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "directResponse": {"status": 200}}],
                }
            ]
        },
    }
    tls = {
        "@type": f"{_TYPES}.transport_sockets.tls.v3.DownstreamTlsContext",
        "requireClientCertificate": True,
        "commonTlsContext": {
            "tlsCertificates": [
                {
                    "certificateChain": _inline(SERVER.chain_pem),
                    "privateKey": _inline(SERVER.key_pem),
                }
            ],
            "validationContext": CASES[name].context,
        },
    }
    return {
        "name": name,
        "address": {"socketAddress": {"address": port.host, "portValue": port.port}},
        "filterChains": [
            {
                "transportSocket": {"name": "tls", "typedConfig": tls},
                "filters": [{"name": "http", "typedConfig": manager}],
            }
        ],
    }


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Run one Envoy with a listener for each case."""
    ports = {name: free_port() for name in CASES}
    bootstrap = {"staticResources": {"listeners": [_listener(*each) for each in ports.items()]}}
    process = EnvoyProcess(tmp_path_factory.mktemp("e"), None, bootstrap, needs.envoy())
    with process.running():
        process.wait_until_ready()
        yield {name: each.port for name, each in ports.items()}


def _served(port: int, svid: X509Svid) -> bool:
    say = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    try:
        handshakes.Handshakes(port, handshakes.context(OLD, svid), say=say).once()
    except (ssl.SSLError, ConnectionError):
        return False
    return True


@pytest.mark.parametrize("name", CASES)
def test_envoy_serves_those_whom_the_lists_leave(ports: dict[str, int], name: str) -> None:
    callers = {"good": GOOD, "revoked": REVOKED, "of_new": OF_NEW, "partners": PARTNERS}
    found = {who for who, svid in callers.items() if _served(ports[name], svid)}
    assert found == CASES[name].through
