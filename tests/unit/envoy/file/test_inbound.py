from __future__ import annotations

from datetime import timedelta

import pytest
from support.sidecar_documents import TODAY
from support.sidecar_text import in_flow, inbound, told, whole

from accredit.envoy.address import Endpoint
from accredit.envoy.peers import Peer
from accredit.envoy.sidecar import Profile, Protocol, TlsVersion
from accredit.identity.spiffe_id import TrustDomain


def test_what_is_not_said_has_its_default() -> None:
    found = inbound("")
    assert (found.listen, found.app) == (Endpoint("0.0.0.0", 8443), Endpoint("127.0.0.1", 8080))
    assert (found.protocol, found.until, found.min_tls) == (Protocol.HTTP, None, TlsVersion.TLS_1_3)
    assert (found.jwt, found.health_check, found.probe) == (None, None, None)
    assert found.timeout == timedelta(0)


@pytest.mark.parametrize("version", ["1.2", "'1.2'"])
def test_what_is_said_is_read(version: str) -> None:
    found = inbound(f"protocol: grpc, timeout: 5s, min_tls: {version}, mode: strict")
    assert (found.protocol, found.timeout) == (Protocol.GRPC, timedelta(seconds=5))
    assert found.min_tls is TlsVersion.TLS_1_2


def test_an_app_may_be_behind_a_unix_socket() -> None:
    text = whole("inbound: {listen: '[::]:8443', app: 'unix:/run/app.sock', allow: /web}")
    assert told(text) == []


@pytest.mark.parametrize("days", [0, 1, 366])
@pytest.mark.parametrize("quote", ["", "'"])
def test_plaintext_is_served_until_a_day_that_is_named(days: int, quote: str) -> None:
    last = TODAY + timedelta(days=days)
    assert inbound(f"mode: permissive, until: {quote}{last}{quote}").until == last


@pytest.mark.parametrize(
    ("fields", "mistakes"),
    [
        (
            "mode: permissive",
            ["'until' is missing; expected the last day on which plaintext may be served"],
        ),
        ("mode: permissive, until: 2026-11-26", ["until: 2026-11-26 is over"]),
        ("mode: permissive, until: 2027-11-29", ["until: is more than a year away"]),
        ("mode: permissive, until: 26.11.2026", ["until: '26.11.2026' is no date"]),
        ("mode: permissive, until: 20261231", ["until: expected text"]),
        ("mode: permissive, until: 2027-02-30", ["until: '2027-02-30' is no date"]),
        ("until: 2026-12-01", ["until: stands with 'mode: permissive' only"]),
        ("mode: strict, until: 2026-12-01", ["until: stands with 'mode: permissive' only"]),
        ("mode: off, until: 2026-12-01", ["mode: expected one of strict, permissive"]),
        ("mode: [permissive]", ["mode: expected one of strict, permissive"]),
        ("mode: null", ["mode: is empty"]),
        ("protocol: HTTP", ["protocol: expected one of http, http2, grpc, tcp"]),
        ("min_tls: 1.1", ["min_tls: expected one of 1.2, 1.3"]),
        ("protocol: tcp, timeout: 5s", ["timeout: needs requests to look at; tcp has none"]),
        (
            "allow: /x, lsten: 1, alow: 2",
            [
                "lsten: unknown key; did you mean 'listen'?",
                "alow: unknown key; did you mean 'allow'?",
            ],
        ),
        ("probe: {}", ["probe: 'paths' is missing", "probe: 'listen' is missing"]),
        (
            "probe: {listen: 8081, paths: [/a/*]}",
            ["probe.paths[0]: expected a single path", "probe.listen: expected text"],
        ),
        ("probe: yes", ["probe: expected keys and values"]),
        ("jwt: null", ["jwt: is empty"]),
        ("jwt: {}", ["jwt: 'audience' is missing"]),
        (
            "jwt: {audience: '', forward: 1}",
            ["jwt.audience: expected a name or an address", "jwt.forward: expected true or false"],
        ),
        ("jwt: {audience: a, allow: []}", ["jwt.allow: is empty"]),
        (
            "jwt: {audience: a, allow: any identity of any trust domain}",
            ["jwt: tokens of everybody cannot be verified"],
        ),
        ("jwt: {audience: a, jwks: rel}", ["jwt.jwks: 'rel' is no absolute path"]),
    ],
)
def test_each_mistake_is_told_at_its_place(fields: str, mistakes: list[str]) -> None:
    found = told(whole(in_flow(fields)))
    assert len(found) == len(mistakes), found
    for text, mistake in zip(found, mistakes, strict=True):
        dot = ":" if mistake.startswith("'") else "."
        assert text.startswith(f"3: sidecar.inbound[0]{dot}{' ' * (dot == ':')}{mistake}")


def test_what_cannot_be_left_out_is_missing() -> None:
    text = whole("inbound:\n  - protocol: http\n  - {}")
    assert [each.partition(";")[0] for each in told(text)] == [
        "4: sidecar.inbound[0]: 'listen' is missing",
        "4: sidecar.inbound[0]: 'app' is missing",
        "4: sidecar.inbound[0]: 'allow' is missing",
        "5: sidecar.inbound[1]: 'listen' is missing",
        "5: sidecar.inbound[1]: 'app' is missing",
        "5: sidecar.inbound[1]: 'allow' is missing",
    ]


def test_tokens_are_those_of_the_callers_unless_others_are_named() -> None:
    own = TrustDomain("own.example")
    demand = inbound("jwt: {audience: [a, b]}").jwt
    assert demand is not None
    assert (demand.audiences, demand.subjects) == (("a", "b"), (Peer(own, "/web"),))
    assert (demand.forward, demand.jwks) == (False, "/run/accredit/public/jwks.sock")
    demand = inbound("jwt: {audience: a, allow: /ops/*, forward: true, jwks: /run/k}").jwt
    assert demand is not None
    assert demand.subjects == (Peer(own, "/ops", below=True),)
    assert (demand.forward, demand.jwks) == (True, "/run/k")


def test_spires_keys_are_served_somewhere_that_has_to_be_said() -> None:
    assert told(whole(in_flow("jwt: {audience: a}")), Profile.SPIRE) == [
        (
            "3: sidecar.inbound[0].jwt: 'jwks' is missing; expected where keys are served:"
            " the socket of SPIRE's OIDC provider"
        )
    ]
    found = inbound("jwt: {audience: a, jwks: 'unix:/run/oidc.sock'}", Profile.SPIRE).jwt
    assert found is not None
    assert found.jwks == "/run/oidc.sock"


def test_spires_keys_are_of_one_trust_domain() -> None:
    jwt = "jwt: {audience: a, jwks: /run/k}"
    text = f"allow: [/web, spiffe://b.example/*], {jwt}"
    (mistake,) = told(whole(in_flow(text)), Profile.SPIRE)
    assert mistake.endswith("SPIRE serves the keys of one trust domain; name its IDs in 'allow'")


def test_a_probe_has_its_port_and_paths() -> None:
    probe = inbound("probe: {listen: 0.0.0.0:8081, paths: [/healthz, /]}").probe
    assert probe is not None
    assert (str(probe.listen), probe.paths) == ("0.0.0.0:8081", ("/healthz", "/"))
