from __future__ import annotations

from ipaddress import IPv6Network, ip_network

import pytest

from accredit.envoy.address import Endpoint
from accredit.envoy.redirect import notation


def test_networks_are_written_as_nft_writes_them() -> None:
    assert notation.network(ip_network("10.0.0.0/8")) == "10.0.0.0/8"
    assert notation.network(ip_network("10.0.0.5")) == "10.0.0.5"
    assert notation.network(IPv6Network("fe80::%a; flush ruleset/128")) == "fe80::"


def test_all_of_a_family_is_one_match() -> None:
    assert notation.towards(6, [ip_network("::/0")]) == "meta nfproto ipv6"
    some = [ip_network("10.0.0.0/8"), ip_network("192.0.2.1")]
    assert notation.towards(4, some) == "ip daddr { 10.0.0.0/8, 192.0.2.1 }"


@pytest.mark.parametrize(
    ("host", "at", "target"),
    [
        ("10.0.0.1", "ip daddr 10.0.0.1", "10.0.0.1:80"),
        ("fd00::1", "ip6 daddr fd00::1", "[fd00::1]:80"),
        ("0.0.0.0", "meta nfproto ipv4 fib daddr type local", "127.0.0.1:80"),
        ("::", "meta nfproto ipv6 fib daddr type local", "[::1]:80"),
    ],
)
def test_who_listens_on_all_addresses_is_matched_on_each_and_reached_on_loopback(
    host: str, at: str, target: str
) -> None:
    assert notation.at(Endpoint(host, 80)) == at
    assert notation.target(Endpoint(host, 80)) == target


@pytest.mark.parametrize("path", ['a"b', "a\nb", "a\x7f", ""])
def test_a_path_that_no_string_can_hold_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="cannot be written in nftables' language"):
        notation.quoted(path)
    assert notation.quoted("a\\x2db/ü c") == '"a\\x2db/ü c"'


def test_a_comment_holds_no_more_than_a_name_may() -> None:
    assert notation.plain("legacy-app.1@x+") == "legacy-app.1@x+"
    assert notation.plain('a"\n}ü') == "a????"
    assert len(notation.plain("x" * 200)) == 100
