"""An agent and a real SPIRE Server that fetch each other's bundle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.eventually import wait_until
from support.spire_partner import Shop, Stock, authorities, federating

Pair = tuple[Shop, Stock]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with federating(tmp_path) as found:
        yield found


def _follows(shop: Shop, stock: Stock) -> bool:
    """Tell whether each has what the other publishes."""
    stock.refresh()
    known = authorities(shop.knows()), authorities(stock.knows())
    return known == (authorities(stock.own()), authorities(shop.own()))


def test_both_fetch_roots_and_jwt_keys_by_https_spiffe(pair: Pair) -> None:
    shop, stock = pair
    wait_until(lambda: _follows(shop, stock), 60, "the newest of both")
    for known in (shop.knows(), stock.knows()):
        assert [len(each) for each in authorities(known)] == [1, 1]
    bundle = shop.relationship()["bundle"]
    assert (bundle["sequence"], bundle["refresh_hint"]) == (stock.own()["spiffe_sequence"], 2)
    # SPIRE counts on its own, and does not look at what others count.
    assert stock.knows().get("spiffe_sequence") is None
    assert stock.knows()["spiffe_refresh_hint"] == 2


def test_spires_new_root_and_jwt_key_arrive_and_its_endpoint_is_believed_under_them(
    pair: Pair,
) -> None:
    shop, stock = pair
    old = authorities(stock.own())
    for kind in ("x509", "jwt"):
        active = stock.authority(kind, "show")
        new = stock.authority(kind, "prepare")
        wait_until(lambda: _follows(shop, stock), 60, "the root prepared")
        stock.authority(kind, "activate", "-authorityID", new)
        stock.authority(kind, "taint", "-authorityID", active)
        stock.authority(kind, "revoke", "-authorityID", active)
    wait_until(lambda: _follows(shop, stock), 60, "the new ones alone")
    roots, keys = authorities(shop.knows())
    assert (len(roots), len(keys)) == (1, 1)
    assert not roots & old[0]
    assert not keys & old[1]
    fetches = shop.relationship()["fetches"]
    wait_until(lambda: shop.relationship()["fetches"] > fetches + 1)
    assert shop.relationship()["error"] == ""
    assert "is odd" not in shop.log.read_text()


def test_accredits_new_root_and_jwt_key_arrive_and_its_endpoint_is_believed_under_them(
    pair: Pair,
) -> None:
    shop, stock = pair
    old = authorities(shop.own())
    shop.operator("ca", "rotate")

    def replaced() -> bool:
        # Of its own accord SPIRE fetches each 15 s at most, and keys of this test live shorter.
        stock.refresh()
        roots, _ = authorities(stock.knows())
        return len(roots) == 1 and not roots & old[0]

    wait_until(replaced, 120, shop.own)
    assert _follows(shop, stock)
