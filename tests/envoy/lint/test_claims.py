# ruff: noqa: E501  the names of types are as long as they are
"""What a real Envoy lets happen where a rule says that it does."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support import needs
from support.ca import Issued, TestCa
from support.sidecar_pair import free_port

from accredit.envoy.lint.lint import lint
from accredit.identity.keys import to_pkcs8_pem

pytestmark = pytest.mark.envoy
_WEB = "spiffe://prod.example/ns/web"
_BOOTSTRAP = """\
static_resources:
  listeners:
  - address:
      socket_address: {{address: 127.0.0.1, port_value: {port}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: inbound
          forward_client_cert_details: SANITIZE_SET
          set_current_client_cert_details: {{uri: true}}
          common_http_protocol_options: {{max_connection_duration: 1800s{http}}}
          route_config:
            virtual_hosts:
            - name: app
              domains: ["*"]
              response_headers_to_add:
              - header: {{key: seen, value: "%REQ(x_forwarded_client_cert)%"}}
              routes:
              - match: {{prefix: /}}
                direct_response: {{status: 200}}
          http_filters:
{rbac}
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          disable_stateless_session_resumption: true
          disable_stateful_session_resumption: true
{flags}
          common_tls_context:
            tls_certificates:
            - certificate_chain: {{filename: cert.pem}}
              private_key: {{filename: key.pem}}
{validation}
"""
_REQUIRED = "          require_client_certificate: true"
_ALLOWED = ", headers_with_underscores_action: ALLOW"
_UNDERSCORES = ", headers_with_underscores_action: DROP_HEADER"
_ROOTS = """\
            validation_context:
              trusted_ca: {filename: prod.pem}
              match_typed_subject_alt_names:
              - san_type: URI
                matcher: {%s: %s}
"""
_EXACT = _ROOTS % ("exact", _WEB)
_SPIFFE = """\
            validation_context:
              custom_validator_config:
                name: envoy.tls.cert_validator.spiffe
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig
                  trust_domains:
                  - name: prod.example
                    trust_bundle: {filename: prod.pem}
              match_typed_subject_alt_names:
              - san_type: URI
                matcher: {exact: spiffe://prod.example/ns/web}
"""
_FEDERATED = _SPIFFE.replace(
    "                  trust_domains:\n",
    """\
                  trust_domains:
                  - name: partner.example
                    trust_bundle: {filename: partner.pem}
""",
)
_RBAC = """\
          - name: envoy.filters.http.rbac
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
              rules:
                policies:
                  callers:
                    permissions: [{any: true}]
                    principals:
                    - custom:
                        name: envoy.rbac.principals.mtls_authenticated
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.rbac.principals.mtls_authenticated.v3.Config
                          san_matcher:
                            san_type: URI
                            matcher: {exact: spiffe://prod.example/ns/web}
"""
_ALL_SANS = """\
          - name: envoy.filters.http.rbac
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
              matcher:
                matcher_tree:
                  input:
                    name: envoy.matching.inputs.uri_san
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.matching.common_inputs.ssl.v3.UriSanInput
                  exact_match_map:
                    map:
                      spiffe://prod.example/ns/web:
                        action:
                          name: action
                          typed_config:
                            "@type": type.googleapis.com/envoy.config.rbac.v3.Action
                            name: allow
                            action: ALLOW
"""


@dataclass(frozen=True)
class World:
    """Two trust domains, and a folder for a server of the first."""

    folder: Path
    prod: TestCa
    partner: TestCa


@pytest.fixture
def world(folder: Path) -> World:
    now = datetime.now(UTC)
    prod, partner = TestCa("prod.example", now=now), TestCa("partner.example", now=now)
    for name, ca in (("prod", prod), ("partner", partner)):
        (folder / f"{name}.pem").write_bytes(ca.certificate.public_bytes(Encoding.PEM))
    _write(folder, "", prod.issue("spiffe://prod.example/server"))
    return World(folder, prod, partner)


def _write(folder: Path, prefix: str, issued: Issued) -> None:
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in issued.chain)
    (folder / f"{prefix}cert.pem").write_bytes(chain)
    (folder / f"{prefix}key.pem").write_bytes(to_pkcs8_pem(issued.key))


def _text(
    port: int, validation: str, *, flags: str = _REQUIRED, rbac: str = _RBAC, http: str = ""
) -> str:
    http = http or _UNDERSCORES
    return _BOOTSTRAP.format(port=port, validation=validation, flags=flags, rbac=rbac, http=http)


@contextmanager
def _running(folder: Path, text: str) -> Iterator[None]:
    (folder / "envoy.yaml").write_text(text)
    quiet = ("--log-level", "warning", "--concurrency", "1", "--disable-hot-restart")
    with (
        (folder / "envoy.log").open("ab") as log,
        subprocess.Popen(
            [needs.envoy(), "-c", "envoy.yaml", *quiet], stdout=log, stderr=log, cwd=folder
        ) as process,
    ):
        try:
            yield
        finally:
            process.kill()


def _ask(
    world: World, text: str, port: int, client: Issued | None, **headers: str
) -> tuple[int, str]:
    """Return status and what the app saw; (0, "") where TLS did not let the client in."""
    context = ssl.create_default_context(cafile=world.folder / "prod.pem")
    context.check_hostname = False
    if client is not None:
        _write(world.folder, "client-", client)
        context.load_cert_chain(world.folder / "client-cert.pem", world.folder / "client-key.pem")
    with _running(world.folder, text):
        deadline = time.monotonic() + 30
        while True:
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
            try:
                connection.request("GET", "/", headers=headers)
                answer = connection.getresponse()
                return answer.status, answer.getheader("seen") or ""
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            except (ssl.SSLError, ConnectionError):
                return 0, ""
            finally:
                connection.close()


def _rules(text: str) -> set[str]:
    return {each.rule.id for each in lint(text, "f")} - {"certificate-not-rotated"}


def test_the_right_client_is_served_and_nothing_is_found(world: World) -> None:
    port = free_port().port
    text = _text(port, _EXACT)
    assert _ask(world, text, port, world.prod.issue(_WEB))[0] == 200
    assert _ask(world, text, port, None)[0] == 0
    assert _rules(text) == set()


def test_a_certificate_demanded_without_a_validation_context_is_demanded_of_nobody(
    world: World,
) -> None:
    port = free_port().port
    text = _text(port, "", rbac="")
    assert _ask(world, text, port, None)[0] == 200
    assert _rules(text) == {"client-unvalidated"}


def test_an_empty_validation_context_lets_a_forged_certificate_in(world: World) -> None:
    port = free_port().port
    text = _text(port, "            validation_context: {}", rbac="")
    forged = TestCa("prod.example", now=datetime.now(UTC)).issue(_WEB)
    assert _ask(world, text, port, forged)[0] == 200
    assert "validation-empty" in _rules(text)


def test_roots_alone_let_a_client_in_that_brings_no_certificate(world: World) -> None:
    port = free_port().port
    validation = "            validation_context: {trusted_ca: {filename: prod.pem}}"
    text = _text(port, validation, flags="", rbac="")
    assert _ask(world, text, port, None)[0] == 200
    assert "client-certificate-optional" in _rules(text)


@pytest.mark.parametrize("validation", [_EXACT, _SPIFFE], ids=["names", "spiffe"])
def test_what_compares_names_demands_a_certificate_unasked(world: World, validation: str) -> None:
    port = free_port().port
    text = _text(port, validation, flags="")
    assert _ask(world, text, port, None)[0] == 0
    assert _rules(text) == {"client-certificate-implied"}


def test_of_a_key_given_twice_the_last_one_counts(world: World) -> None:
    port = free_port().port
    text = _text(port, _EXACT, http=_UNDERSCORES + _ALLOWED)
    forged = {"x_forwarded_client_cert": "URI=spiffe://prod.example/ns/admin"}
    seen = _ask(world, text, port, world.prod.issue(_WEB), **forged)
    assert seen == (200, forged["x_forwarded_client_cert"])
    assert "key-twice" in _rules(text)


def test_a_prefix_without_a_slash_lets_a_neighbour_in(world: World) -> None:
    port = free_port().port
    text = _text(port, _ROOTS % ("prefix", _WEB), rbac="")
    assert _ask(world, text, port, world.prod.issue(_WEB + "-evil"))[0] == 200
    assert "san-prefix" in _rules(text)


def test_a_regex_is_held_against_the_whole_id(world: World) -> None:
    port = free_port().port
    text = _text(port, _ROOTS % ("safe_regex", r"{regex: 'spiffe://prod\.example/ns/web'}"))
    assert _ask(world, text, port, world.prod.issue(_WEB + "-evil"))[0] == 0
    assert _ask(world, text, port, world.prod.issue(_WEB))[0] == 200
    assert _rules(text) == set()


def test_a_second_uri_san_passes_for_another_trust_domain_unless_all_are_looked_at(
    world: World,
) -> None:
    port = free_port().port
    impostor = world.partner.issue(uris=["spiffe://partner.example/ns/x", _WEB])
    by_one = _text(port, _FEDERATED)
    assert _ask(world, by_one, port, impostor)[0] == 200
    assert _rules(by_one) == {"second-uri-san-client"}
    by_all = _text(port, _FEDERATED, rbac=_ALL_SANS)
    assert _ask(world, by_all, port, impostor)[0] == 403
    assert _ask(world, by_all, port, world.prod.issue(_WEB))[0] == 200
    assert _rules(by_all) == set()


def test_a_header_with_underscores_reaches_the_app_unless_it_is_dropped(world: World) -> None:
    port = free_port().port
    client = world.prod.issue(_WEB)
    forged = {"x_forwarded_client_cert": "URI=spiffe://prod.example/ns/admin"}
    text = _text(port, _EXACT, http=_ALLOWED)
    assert _ask(world, text, port, client, **forged) == (200, forged["x_forwarded_client_cert"])
    assert _rules(text) == {"xfcc-underscores"}
    assert _ask(world, _text(port, _EXACT), port, client, **forged)[1] in {"", "-"}
