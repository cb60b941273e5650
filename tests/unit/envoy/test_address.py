from __future__ import annotations

from ipaddress import ip_network

import pytest

from accredit.envoy.address import (
    Destination,
    Endpoint,
    Pipe,
    parse_address,
    parse_destination,
    parse_endpoint,
    parse_listen,
    parse_socket,
)


@pytest.mark.parametrize(
    ("text", "endpoint", "shown"),
    [
        ("10.0.0.5:8443", Endpoint("10.0.0.5", 8443), "10.0.0.5:8443"),
        ("[FD00:0::1]:1", Endpoint("fd00::1", 1), "[fd00::1]:1"),
        (
            "Payments.Internal:65535",
            Endpoint("payments.internal", 65535),
            "payments.internal:65535",
        ),
        ("a_b-1.example.:080", Endpoint("a_b-1.example.", 80), "a_b-1.example.:80"),
    ],
)
def test_an_endpoint_is_read_into_its_one_form(text: str, endpoint: Endpoint, shown: str) -> None:
    assert parse_endpoint(text) == endpoint
    assert str(endpoint) == shown
    assert parse_endpoint(shown) == endpoint


def test_only_names_have_to_be_resolved() -> None:
    kinds = [parse_endpoint(text) for text in ("10.0.0.5:1", "[::1]:1", "db:1")]
    assert [each.is_name for each in kinds] == [False, False, True]
    assert [each.is_ipv6 for each in kinds] == [False, True, False]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no port"),
        ("8443", "has no port"),
        ("a:", "has no port"),
        (":80", "has no port"),
        ("a:0", "has no port"),
        ("a:65536", "has no port"),
        ("a:999999", "has no port"),
        ("a:+80", "has no port"),
        ("a:\u0668\u0660", "has no port"),
        ("::1:80", "is no address"),
        ("[::1:80", "is no address"),
        ("[10.0.0.5]:80", "is no address"),
        ("[db]:80", "is no address"),
        ("10.0.0:80", "is no address"),
        ("10.0.0.256:80", "is no address"),
        ("[fe80::1%eth0]:80", "is no address"),
        ("-a:80", "is no address"),
        ("a..b:80", "is no address"),
        ("a b:80", "is no address"),
        ("a\n:80", "is no address"),
        ("d\u00e4:80", "is no address"),
        ("http://a:80", "is no address"),
        ("a" * 64 + ":80", "is no address"),
        ("a." * 127 + "a:80", "is no address"),
        ("[::ffff:10.0.0.5]:80", "is an IPv4 address; write it as 10.0.0.5"),
    ],
)
def test_what_is_no_endpoint_is_refused_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_endpoint(text)
    assert len(str(caught.value)) < 250


def test_a_name_is_nowhere_to_listen() -> None:
    assert parse_listen("[::]:8443") == Endpoint("::", 8443)
    with pytest.raises(ValueError, match="expected an IP address to listen on"):
        parse_listen("localhost:8443")


def test_an_app_may_be_behind_a_unix_socket() -> None:
    assert parse_address("unix:/run/app.sock") == Pipe("/run/app.sock")
    assert str(parse_address("unix:///run/app.sock")) == "unix:/run/app.sock"
    assert parse_address("app:80") == Endpoint("app", 80)


@pytest.mark.parametrize(
    "text", ["", "run/a", "unix:a", "unix://host/a/", "/", "/run/", "/run/..", "/a\0", "/a\nb"]
)
def test_no_socket_can_have_such_a_path(text: str) -> None:
    with pytest.raises(ValueError, match="no absolute path of a unix socket"):
        parse_socket(text)


def test_a_socket_path_is_counted_in_bytes() -> None:
    assert parse_socket("/" + "\u00e4" * 53)
    with pytest.raises(ValueError, match="longer than the 107 bytes"):
        parse_socket("/" + "\u00e4" * 54)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.5:80", "10.0.0.5/32"),
        ("10.0.0.0/8:80", "10.0.0.0/8"),
        ("[fd00::/8]:80", "fd00::/8"),
        ("[fd00::7]:80", "fd00::7/128"),
    ],
)
def test_a_destination_is_a_network_and_a_port(text: str, network: str) -> None:
    destination = parse_destination(text)
    assert destination == Destination(ip_network(network), 80)
    assert parse_destination(str(destination)) == destination


def test_a_destination_may_be_a_port_anywhere() -> None:
    assert parse_destination("*:80") == Destination(None, 80)
    assert str(Destination(None, 80)) == "*:80"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.0.0.5/8:80", "has host bits set"),
        ("payments.internal:80", "does not appear to be"),
        ("[10.0.0.0/8]:80", "IPv6 network in brackets"),
        ("fd00::/8:80", "IPv6 network in brackets"),
        ("[fe80::1%eth0]:80", "without a zone"),
        ("*", "has no port"),
    ],
)
def test_what_is_no_destination_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_destination(text)
