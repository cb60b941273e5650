from __future__ import annotations

from dataclasses import replace

from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener
from support.redirect_sample import REDIRECT, intercepting, steering

from accredit.envoy.redirect.listener import build
from accredit.envoy.sidecar import Sidecar


def _built(sidecar: Sidecar) -> tuple[Listener, list[Cluster]]:
    (listener,), clusters = build(sidecar)
    return listener, clusters


def _match(chain: FilterChain) -> tuple[int | None, list[str]]:
    match = chain.filter_chain_match
    assert match is not None
    ranges = [f"{each.address_prefix}/{each.prefix_len}" for each in match.prefix_ranges]
    return match.destination_port, ranges


def test_without_a_redirect_there_is_nothing() -> None:
    assert build(steering(redirect=None)) == ([], [])


def test_each_outbound_has_a_chain_for_each_port_it_intercepts() -> None:
    sidecar = steering(
        intercepting("10.0.0.5:80", "[fd00::/8]:80", "*:90"), intercepting("10.0.0.0/8:80")
    )
    listener, _ = _built(sidecar)
    chains = {each.name: each for each in listener.filter_chains if each.filters}
    assert {name: _match(chain) for name, chain in chains.items()} == {
        "outbound_0_80": (80, ["10.0.0.5/32", "fd00::/8"]),
        "outbound_0_90": (90, ["0.0.0.0/0", "::/0"]),
        "outbound_1_80": (80, ["10.0.0.0/8"]),
    }
    assert [each.name for each in listener.listener_filters] == [
        "envoy.filters.listener.original_dst"
    ]


def test_what_was_meant_for_the_listener_itself_finds_no_filter() -> None:
    listener, _ = _built(steering(intercepting("*:15001")))
    closed = [each for each in listener.filter_chains if not each.filters]
    assert [_match(each) for each in closed] == [(15001, ["127.0.0.1/32"]), (15001, ["::1/128"])]


def test_it_listens_at_every_address_of_the_redirect() -> None:
    listener, _ = _built(steering(intercepting("*:80")))
    found = [listener.address, *(each.address for each in listener.additional_addresses)]
    places = [each.socket_address for each in found if each]
    assert [(each.address, each.port_value) for each in places if each] == [
        ("127.0.0.1", 15001),
        ("::1", 15001),
    ]


def test_without_ipv6_no_address_of_it_is_written() -> None:
    redirect = replace(REDIRECT, listen=REDIRECT.listen[:1])
    listener, _ = _built(steering(intercepting("*:80"), redirect=redirect))
    assert all(":" not in each for c in listener.filter_chains for each in _match(c)[1])


def test_what_no_outbound_intercepts_passes_unless_it_is_refused() -> None:
    listener, clusters = _built(steering(intercepting("*:80")))
    assert listener.default_filter_chain is not None
    assert [each.name for each in clusters] == ["redirect"]
    assert clusters[0].transport_socket is None
    refusing = steering(intercepting("*:80"), redirect=replace(REDIRECT, refuse=True))
    listener, clusters = _built(refusing)
    assert listener.default_filter_chain is None
    assert clusters == []
