from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accredit.identity.errors import ConfigError
from accredit.workload_api.endpoint import UnixEndpoint, find_endpoint, parse_endpoint


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("unix:///run/a.sock", "unix:///run/a.sock"),
        ("unix:/run/a.sock", "unix:///run/a.sock"),
        ("UNIX:///run/a.sock", "unix:///run/a.sock"),
        ("unix:///run/with%20space", "unix:///run/with%20space"),
        ("tcp://127.0.0.1:9000", "tcp://127.0.0.1:9000"),
        ("tcp://[::1]:9000", "tcp://[::1]:9000"),
    ],
)
def test_a_good_address_is_read(text: str, read: str) -> None:
    assert str(parse_endpoint(text)) == read


def test_escapes_in_a_path_are_undone() -> None:
    assert parse_endpoint("unix:///run/a%20b") == UnixEndpoint("/run/a b")


@pytest.mark.rows("WE-12")
@pytest.mark.parametrize(
    "text", ["http://127.0.0.1:80", "/run/a.sock", "unix-abstract:x", "", "unix", "vsock:1:2"]
)
def test_another_scheme_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is neither unix nor tcp; expected an address such as"):
        parse_endpoint(text)


@pytest.mark.rows("WE-13")
@pytest.mark.parametrize("text", ["unix://host/run/a.sock", "unix://run/a.sock", "unix://u@/a"])
def test_a_unix_address_with_an_authority_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not unix: and an absolute path alone"):
        parse_endpoint(text)


@pytest.mark.rows("WE-14")
@pytest.mark.parametrize("text", ["unix:run/a.sock", "unix:", "unix://", "unix:./a", "unix:@a"])
def test_a_unix_address_without_an_absolute_path_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not unix: and an absolute path alone"):
        parse_endpoint(text)


@pytest.mark.rows("WE-15")
@pytest.mark.parametrize(
    "text", ["unix:///a?x", "unix:///a?", "unix:///a#f", "unix:///a#", "unix://user@/a"]
)
def test_a_unix_address_with_more_than_a_path_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not unix: and an absolute path alone"):
        parse_endpoint(text)


@pytest.mark.parametrize("text", ["unix:///a%2", "unix:///a%zz", "unix:///a%00", "unix:///a\n"])
def test_a_path_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="has a bad escape or character in its path"):
        parse_endpoint(text)


@pytest.mark.rows("WE-16")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tcp://localhost:9000", "is not tcp://, an IP address and a port alone"),
        ("tcp://:9000", "is not tcp://"),
        ("tcp://999.0.0.1:9000", "has no IP address"),
        ("tcp://[1.2.3.4]:9000", "is not tcp://"),
        ("tcp://::1:9000", "is not tcp://"),
        ("tcp://127.1:9000", "has no IP address"),
    ],
)
def test_a_tcp_address_whose_host_is_no_ip_address_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse_endpoint(text)


@pytest.mark.rows("WE-17")
@pytest.mark.parametrize(
    "text", ["tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://127.0.0.1:0", "tcp://127.0.0.1:65536"]
)
def test_a_tcp_address_without_a_port_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not tcp://, an IP address and a port alone"):
        parse_endpoint(text)


@pytest.mark.rows("WE-18")
@pytest.mark.parametrize(
    "text",
    [
        "tcp://127.0.0.1:80/x",
        "tcp://127.0.0.1:80/",
        "tcp://127.0.0.1:80?q",
        "tcp://127.0.0.1:80?",
        "tcp://127.0.0.1:80#f",
        "tcp://u@127.0.0.1:80",
        "tcp://127.0.0.1:80\n",
        "tcp:127.0.0.1:80",
    ],
)
def test_a_tcp_address_with_more_than_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not tcp://, an IP address and a port alone"):
        parse_endpoint(text)


@pytest.mark.rows("WE-11")
def test_the_variable_is_used_when_no_address_is_given() -> None:
    environment = {"SPIFFE_ENDPOINT_SOCKET": "unix:///run/variable.sock"}
    assert find_endpoint(None, environment) == UnixEndpoint("/run/variable.sock")
    assert find_endpoint("unix:///run/given.sock", environment) == UnixEndpoint("/run/given.sock")


@pytest.mark.rows("WE-11")
@pytest.mark.parametrize("environment", [{}, {"SPIFFE_ENDPOINT_SOCKET": ""}])
def test_without_address_and_variable_there_is_no_endpoint(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="SPIFFE_ENDPOINT_SOCKET: is not set"):
        find_endpoint(None, environment)


def test_a_mistake_in_the_variable_is_told_as_such() -> None:
    with pytest.raises(ConfigError, match="SPIFFE_ENDPOINT_SOCKET: '/run/a' is neither"):
        find_endpoint(None, {"SPIFFE_ENDPOINT_SOCKET": "/run/a"})


@given(st.one_of(st.text(), st.from_regex(r"(unix|tcp):[/\[\]a-f0-9:.%?#@]*", fullmatch=True)))
def test_whatever_is_accepted_prints_as_an_address_of_the_same_endpoint(text: str) -> None:
    try:
        endpoint = parse_endpoint(text)
    except ConfigError:
        return
    assert parse_endpoint(str(endpoint)) == endpoint
