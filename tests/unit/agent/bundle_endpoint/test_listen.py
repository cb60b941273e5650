from __future__ import annotations

import socket

import pytest

from accredit.agent.bundle_endpoint.listen import listening_at, network_of
from accredit.agent.bundle_endpoint.settings import Address
from accredit.identity.errors import UnavailableError


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_whoever_can_choose_among_addresses_counts_once(host: str, network: str) -> None:
    assert network_of(host) == network


def test_the_unspecified_address_of_ipv6_takes_ipv4_too() -> None:
    with listening_at(Address("::", 0)) as sock:
        port = sock.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 5).close()


def test_an_address_in_use_is_told_with_its_key() -> None:
    with listening_at(Address("127.0.0.1", 0)) as sock:
        taken = Address("127.0.0.1", sock.getsockname()[1])
        reason = f"federation.endpoint: cannot listen at {taken}: address already in use"
        with pytest.raises(UnavailableError, match=reason), listening_at(taken):
            pass


def test_an_address_that_is_not_ours_is_told() -> None:
    with (
        pytest.raises(UnavailableError, match=r"192\.0\.2\.7:1: cannot assign requested"),
        listening_at(Address("192.0.2.7", 1)),
    ):
        pass
