from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
from support.redirect_sample import REDIRECT, intercepting

from accredit.envoy.address import parse_destination
from accredit.envoy.redirect import targets


def test_each_family_goes_to_the_listener_of_its_own() -> None:
    four, six = REDIRECT.listen
    assert targets.listener(REDIRECT, 4) is four
    assert targets.listener(REDIRECT, 6) is six
    assert targets.listener(replace(REDIRECT, listen=(four,)), 6) is None


def test_any_address_is_all_of_both_families_and_a_network_of_one() -> None:
    anywhere, some = parse_destination("*:80"), parse_destination("10.0.0.0/8:80")
    assert targets.networks(anywhere, 4) == (ip_network("0.0.0.0/0"),)
    assert targets.networks(anywhere, 6) == (ip_network("::/0"),)
    assert targets.networks(some, 4) == (ip_network("10.0.0.0/8"),)
    assert targets.networks(some, 6) == ()


@pytest.mark.parametrize(
    ("network", "loopback"),
    [
        ("127.0.0.0/8", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("0.0.0.0/0", False),
        ("126.0.0.0/7", False),
        ("10.0.0.0/8", False),
        ("::/0", False),
        ("::/127", False),
    ],
)
def test_a_network_is_loopback_only_if_all_of_it_is(network: str, loopback: bool) -> None:
    assert targets.is_loopback(ip_network(network)) is loopback


def test_destinations_are_gathered_by_port_and_joined_where_one_network_says_it() -> None:
    spec = intercepting("10.0.0.0/9:90", "*:80", "10.128.0.0/9:90", "10.1.0.0/16:90")
    found = targets.by_port(spec.intercept)
    assert [*found] == [80, 90]
    assert targets.united(found[90], 4) == [ip_network("10.0.0.0/8")]
    assert targets.united(found[90], 6) == []
