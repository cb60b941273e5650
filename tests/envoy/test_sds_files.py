"""A real Envoy takes its secrets from an output's files, and follows each switch."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support import needs
from support.ca import TestCa
from support.eventually import wait_until
from support.file_sets import GIVEN, material
from support.sidecar_pair import free_port

from accredit.envoy.sidecar import Endpoint
from accredit.file_output.fileset import FileSet
from accredit.file_output.render import render
from accredit.file_output.spec import FileSpec, Kind
from accredit.file_output.store import Store
from accredit.identity.x509_svid import X509Svid
from accredit.rotation.clock import SystemClock

pytestmark = pytest.mark.envoy

SPECS = (
    FileSpec(Kind.ENVOY_SDS_CERT, "cert.json"),
    FileSpec(Kind.ENVOY_SDS_CONTEXT, "context.json"),
)
TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
FILTERS = "type.googleapis.com/envoy.extensions.filters"
HTTP = f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = f"{FILTERS}.http.router.v3.Router"


OK, REFUSED = "HTTP/1.1 200 OK", "alert certificate unknown"


def files(ca: TestCa, *partners: TestCa) -> FileSet:
    return render(material(ca, *partners), SPECS, GIVEN, datetime.now(UTC))


def bootstrap(out: Path, port: Endpoint) -> dict[str, Any]:
    def from_file(secret: str, name: str) -> dict[str, Any]:
        source = {"path": str(out / name), "watched_directory": {"path": str(out)}}
        return {"name": secret, "sds_config": {"path_config_source": source}}

    tls = {
        "@type": TLS,
        "require_client_certificate": True,
        "common_tls_context": {
            "tls_certificate_sds_secret_configs": [from_file("default", "cert.json")],
            "validation_context_sds_secret_config": from_file("ALL", "context.json"),
        },
    }
    answer = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
    http = {
        "@type": HTTP,
        "stat_prefix": "in",
        "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
        "route_config": {"virtual_hosts": [{"name": "a", "domains": ["*"], "routes": [answer]}]},
    }
    chain = {
        "transport_socket": {"name": "tls", "typed_config": tls},
        "filters": [{"name": "http", "typed_config": http}],
    }
    address = {"socket_address": {"address": port.host, "port_value": port.port}}
    listener = {"name": "in", "address": address, "filter_chains": [chain]}
    node = {"id": "files", "cluster": "files"}  # Envoy wants them even where nobody reads them
    return {"node": node, "static_resources": {"listeners": [listener]}}


@contextmanager
def envoy(folder: Path, port: Endpoint) -> Iterator[None]:
    config = folder / "envoy.json"
    config.write_text(json.dumps(bootstrap(folder / "out", port)))
    quiet = ("--log-level", "warning", "--concurrency", "1", "--disable-hot-restart")
    with (
        (folder / "envoy.log").open("wb") as log,
        subprocess.Popen([needs.envoy(), "-c", config, *quiet], stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.kill()


def ask(folder: Path, port: Endpoint, svid: X509Svid) -> tuple[str, str]:
    """Return the SHA-256 of the leaf that is served, and what came of a request."""
    (folder / "client.pem").write_bytes(svid.chain_pem + svid.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    # In TLS 1.3 a client that was refused believes to be connected, and may never read the alert.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / "client.pem")
    leaf = b""
    try:
        with (
            socket.create_connection((port.host, port.port), timeout=10) as plain,
            context.wrap_socket(plain) as server,
        ):
            leaf = server.getpeercert(binary_form=True) or b""
            server.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            said = server.recv(100).decode().partition("\r\n")[0]
    except OSError as error:
        said = str(error)
    return hashlib.sha256(leaf).hexdigest(), said


def test_envoy_follows_each_switch_and_believes_each_domain_for_its_own_ids(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    ca, partner = TestCa(now=now), TestCa("partner.example", now=now)
    ours = ca.svid("spiffe://td.example/b")
    theirs = partner.svid("spiffe://partner.example/b")
    liar = partner.svid("spiffe://td.example/b")
    port = free_port()

    with Store(tmp_path / "out", SystemClock()) as store:
        first = files(ca)
        store.switch(first)
        with envoy(tmp_path, port):
            good = (first.leaf_sha256, OK)
            wait_until(lambda: ask(tmp_path, port, ours) == good, 60, "the first certificate")
            assert REFUSED in ask(tmp_path, port, theirs)[1]

            second = files(ca, partner)
            store.switch(second)
            good = (second.leaf_sha256, OK)
            wait_until(lambda: ask(tmp_path, port, theirs) == good, 60, "the second certificate")
            assert ask(tmp_path, port, ours) == good
            assert REFUSED in ask(tmp_path, port, liar)[1]

            assert store.roll_back()
            good = (first.leaf_sha256, OK)
            wait_until(lambda: ask(tmp_path, port, ours) == good, 60, "the first one again")
            wait_until(lambda: REFUSED in ask(tmp_path, port, theirs)[1], 60, "the first context")
