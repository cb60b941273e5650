from __future__ import annotations

from datetime import timedelta

import pytest
from support.sidecar_text import out_flow, outbound, read, told, whole

from accredit.envoy.address import Endpoint, parse_destination
from accredit.envoy.sidecar import Profile, Protocol, TlsVersion

_REDIRECT = "redirect: {users: app}\n"
_INTERCEPT = "outbound: [{{expect: /server, {}}}]"


def test_what_is_not_said_has_its_default() -> None:
    found = outbound("")
    assert (found.listen, found.to) == (Endpoint("127.0.0.1", 9001), (Endpoint("server", 8443),))
    assert (found.protocol, found.min_tls) == (Protocol.HTTP, TlsVersion.TLS_1_3)
    assert (found.timeout, found.retries, found.jwt) == (timedelta(0), 2, "")
    assert (found.intercept, found.port, found.health_check) == ((), 0, None)


def test_what_is_said_is_read() -> None:
    found = outbound("to: [a:1, '[::1]:2'], protocol: grpc, timeout: 5s, retries: 0, min_tls: 1.2")
    assert found.to == (Endpoint("a", 1), Endpoint("::1", 2))
    assert (found.timeout, found.retries) == (timedelta(seconds=5), 0)
    assert (found.protocol, found.min_tls) == (Protocol.GRPC, TlsVersion.TLS_1_2)
    assert outbound("jwt: {audience: orders}").jwt == "orders"


def test_intercepted_connections_may_go_on_to_where_they_were_meant_to() -> None:
    text = whole(_REDIRECT + _INTERCEPT.format("intercept: ['10.0.0.0/8:80'], port: 8443"))
    (found,) = read(text).outbound
    assert found.intercept == (parse_destination("10.0.0.0/8:80"),)
    assert (found.to_original, found.port, found.listen) == (True, 8443, None)
    assert not outbound("").to_original


@pytest.mark.parametrize("listen", ["0.0.0.0:9001", "10.0.0.5:9001", "'[::]:9001'"])
def test_a_port_that_others_can_reach_must_be_asked_for_in_words(listen: str) -> None:
    fields = f"outbound: {{listen: {listen}, to: a:1, expect: /s"
    (mistake,) = told(whole(fields + "}"))
    assert mistake.startswith("3: sidecar.outbound.listen: would lend the sidecar's identity")
    assert told(whole(fields + ", remote_apps: true}")) == []


@pytest.mark.parametrize(
    ("fields", "mistakes"),
    [
        ("to: []", ["to: is empty"]),
        ("to: 'unix:/run/a'", ["to: 'unix:/run/a' has no port"]),
        ("to: [a:1, a:1]", ["to[1]: 'a:1' is listed twice"]),
        ("to: [a:1, b]", ["to[1]: 'b' has no port; expected such as 127.0.0.1:8080"]),
        ("retries: 11", ["retries: expected a whole number from 0 to 10"]),
        ("retries: '2'", ["retries: expected a whole number from 0 to 10, without quotes"]),
        ("port: 8443", ["port: stands with 'intercept' and without 'to'"]),
        (
            "port: '8443'",
            [
                "port: expected a whole number from 1 to 65535, without quotes",
                "port: stands with 'intercept' and without 'to'",
            ],
        ),
        (
            "protocol: tcp, retries: 1, timeout: 1s, jwt: {audience: a}",
            [
                "jwt: needs requests; tcp has none",
                "timeout: needs requests; tcp has none",
                "retries: needs requests; tcp has none",
            ],
        ),
        ("jwt: {}", ["jwt: 'audience' is missing"]),
        ("jwt: {audience: ' a'}", ["jwt.audience: expected a name or an address"]),
        ("jwt: a", ["jwt: expected keys and values"]),
        ("remote_apps: yes", ["remote_apps: expected true or false"]),
        ("intercept: '*:80'", ["intercept: needs 'redirect:' beside 'outbound:'"]),
        ("expct: /a", ["expct: unknown key; did you mean 'expect'?"]),
    ],
)
def test_each_mistake_is_told_at_its_place(fields: str, mistakes: list[str]) -> None:
    found = told(whole(out_flow(fields)))
    assert len(found) == len(mistakes), found
    for text, mistake in zip(found, mistakes, strict=True):
        assert text.startswith(f"3: sidecar.outbound[0].{mistake}")


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ("to: a:1", "'listen' is missing; expected where the app connects"),
        ("listen: 127.0.0.1:1", "'to' is missing; expected where the servers are"),
        ("to: a:1, intercept: []", "intercept: is empty"),
    ],
)
def test_an_app_must_come_in_and_go_out_somewhere(fields: str, mistake: str) -> None:
    (found,) = told(whole(_INTERCEPT.format(fields)))
    assert mistake in found


def test_servers_that_are_not_known_beforehand_cannot_be_checked() -> None:
    fields = "intercept: '*:80', health_check: {}"
    assert told(whole(_REDIRECT + _INTERCEPT.format(fields))) == [
        "4: sidecar.outbound[0].health_check: needs 'to': it is not known beforehand what to check"
    ]


def test_a_port_for_the_app_and_interception_without_servers_do_not_go_together() -> None:
    (found,) = told(whole(_REDIRECT + _INTERCEPT.format("listen: 127.0.0.1:1, intercept: '*:80'")))
    assert "'to' is missing" in found


def test_spire_delivers_no_tokens_and_no_two_trust_domains_alone() -> None:
    found = told(
        whole(out_flow("jwt: {audience: a}, expect: [/a, spiffe://b.example/*]")), Profile.SPIRE
    )
    assert [each.partition(";")[0] for each in found] == [
        "3: sidecar.outbound[0].expect: names two trust domains",
        "3: sidecar.outbound[0].jwt: SPIRE's SDS delivers no tokens",
    ]
    assert told(whole(out_flow("expect: [/a, /b]")), Profile.SPIRE) == []
