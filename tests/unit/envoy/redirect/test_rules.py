from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Network
from pathlib import Path

import pytest
from support.redirect_sample import REDIRECT, intercepting, steering

from accredit.envoy.address import Destination, Endpoint
from accredit.envoy.redirect.programs import Cgroup, Programs, User
from accredit.envoy.redirect.rules import removal, ruleset, table
from accredit.envoy.sidecar import Outbound

_LEGACY = Programs((User(1000, "legacy"),))


def test_the_whole_text_as_people_read_it() -> None:
    sidecar = steering(
        intercepting("10.0.0.5:80", "[fd00::/8]:80"), intercepting("*:5432", "127.0.0.9:80")
    )
    programs = replace(_LEGACY, cgroups=(Cgroup("system.slice/legacy.service"),))
    assert (
        ruleset(sidecar, REDIRECT, programs)
        == """\
table inet accredit_shop
delete table inet accredit_shop

table inet accredit_shop {
	chain intercept {
		meta priority 0:5 return comment "the sidecar itself"
		ip daddr { 127.0.0.9 } tcp dport 80 dnat ip to 127.0.0.1:15001
		ip daddr 127.0.0.0/8 return
		ip6 daddr ::1 return
		ip daddr { 10.0.0.5 } tcp dport 80 dnat ip to 127.0.0.1:15001
		ip6 daddr { fd00::/8 } tcp dport 80 dnat ip6 to [::1]:15001
		meta nfproto ipv4 tcp dport 5432 dnat ip to 127.0.0.1:15001
		meta nfproto ipv6 tcp dport 5432 dnat ip6 to [::1]:15001
	}

	chain connect {
		type nat hook output priority -100; policy accept;
		meta skuid 1000 meta l4proto tcp goto intercept comment "legacy"
		socket cgroupv2 level 2 "system.slice/legacy.service" meta l4proto tcp goto intercept
	}
}
"""
    )


def _lines(
    *outbound: Outbound, refuse: bool = False, listen: tuple[Endpoint, ...] = ()
) -> list[str]:
    redirect = replace(REDIRECT, refuse=refuse, listen=listen or REDIRECT.listen)
    text = ruleset(steering(*outbound, redirect=redirect), redirect, _LEGACY)
    return [line.strip() for line in text.splitlines()]


def test_refusing_spares_loopback_and_the_sidecars_listeners_elsewhere() -> None:
    listening = replace(intercepting("10.0.0.5:80"), listen=Endpoint("10.9.9.9", 9002))
    anywhere = replace(intercepting("10.0.0.6:80"), listen=Endpoint("::", 9003))
    lines = _lines(listening, anywhere, refuse=True)
    start = lines.index("chain refuse {")
    assert lines[start + 1 : lines.index("}", start)] == [
        "ip daddr 127.0.0.0/8 accept",
        "ip6 daddr ::1 accept",
        "ip daddr 10.9.9.9 tcp dport 9002 accept",
        "meta nfproto ipv6 fib daddr type local tcp dport 9003 accept",
        "reject with tcp reset",
    ]


def test_a_family_without_a_listener_is_refused_where_any_address_is_meant() -> None:
    lines = _lines(intercepting("*:90", "10.0.0.5:80"), listen=REDIRECT.listen[:1])
    assert "meta nfproto ipv6 tcp dport 90 reject with tcp reset" in lines
    assert not any("dnat ip6" in line for line in lines)
    assert sum("reject" in line for line in lines) == 1
    assert not any("reject" in line for line in _lines(intercepting("*:90")))


def test_a_listener_on_every_address_is_reached_on_loopback() -> None:
    lines = _lines(intercepting("*:90"), listen=(Endpoint("0.0.0.0", 1), Endpoint("::", 2)))
    assert "meta nfproto ipv4 tcp dport 90 dnat ip to 127.0.0.1:1" in lines
    assert "meta nfproto ipv6 tcp dport 90 dnat ip6 to [::1]:2" in lines


def test_nothing_that_is_written_somewhere_becomes_a_rule() -> None:
    user = Programs((User(1, 'a"\n\t}\n}\nflush ruleset # ü'),))
    text = ruleset(steering(intercepting("10.0.0.5:80")), REDIRECT, user)
    assert text.count("flush") == 1
    assert 'goto intercept comment "a???????flush?ruleset????"\n' in text
    zone = Destination(IPv6Network("fe80::%a; flush ruleset/128"), 80)
    sidecar = steering(replace(intercepting(), intercept=(zone,)))
    assert "ip6 daddr { fe80:: } tcp dport 80" in ruleset(sidecar, REDIRECT, _LEGACY)
    assert "flush" not in ruleset(sidecar, REDIRECT, _LEGACY)


@pytest.mark.parametrize("path", ['a"b', "a\nb", "a\x7f"])
def test_a_path_that_nft_cannot_be_told_is_refused(path: str) -> None:
    programs = Programs(cgroups=(Cgroup(path, Path("/sys/fs/cgroup")),))
    with pytest.raises(ValueError, match="cannot be written in nftables' language"):
        ruleset(steering(intercepting("10.0.0.5:80")), REDIRECT, programs)


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a\n", "ü", "a/b", "x" * 201])
def test_a_sidecar_whose_name_cannot_be_a_tables_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a table's name"):
        removal(replace(steering(), name=name))


def test_tables_are_named_for_their_sidecars() -> None:
    assert table(replace(steering(), name="a.b-c_D9")) == "accredit_a.b-c_D9"
