from __future__ import annotations

from datetime import timedelta

from support.entries import entry, template

from accredit.agent.entry_change import Change, Changed, change

WEB, DB = entry("/web"), entry("/db")
_WEB, _DB = "spiffe://prod.example/web", "spiffe://prod.example/db"


def test_the_same_entries_change_nothing() -> None:
    assert not change([WEB, DB], [WEB, DB])
    assert not change([], [])


def test_what_comes_and_what_goes() -> None:
    assert change([], [WEB, DB]) == Change(gained=(_WEB, _DB))
    assert change([WEB, DB], []) == Change(lost=(_WEB, _DB))
    assert change([WEB], [DB]) == Change(gained=(_DB,), lost=(_WEB,), default=(_WEB, _DB))


def test_an_identity_that_comes_by_another_entry_is_the_same() -> None:
    assert not change([entry("/web", "unix:uid:1")], [entry("/web", "unix:gid:1")])
    made = template("/web/{unix:uid}").instance(("1",))
    assert made is not None
    assert not change([entry("/web/1")], [made])


def test_another_order_may_change_the_default() -> None:
    assert change([WEB, DB], [DB, WEB]) == Change(default=(_WEB, _DB))
    assert change([WEB, DB], [WEB, entry("/db", default=True)]) == Change(default=(_WEB, _DB))


def test_changed_terms_are_told_with_both_values() -> None:
    new = entry(
        "/web",
        ttl=timedelta(minutes=30),
        jwt_ttl=timedelta(minutes=1),
        hint="x",
        federates_with=("b.example", "a.example"),
        dns_names=("web",),
    )
    assert change([WEB], [new]).changed == (
        Changed(_WEB, "ttl", "1h", "30m"),
        Changed(_WEB, "jwt_ttl", "5m", "1m"),
        Changed(_WEB, "hint", "", "x"),
        Changed(_WEB, "federates_with", "", "a.example b.example"),
        Changed(_WEB, "dns_names", "", "web"),
    )


def test_a_hint_that_an_older_entry_keeps_is_lost() -> None:
    mine, older = entry("/web", hint="x"), entry("/db", hint="x")
    assert change([mine], [older, mine]) == Change(
        gained=(_DB,), changed=(Changed(_WEB, "hint", "x", ""),), default=(_WEB, _DB)
    )


def test_two_entries_with_one_id_are_compared_together() -> None:
    short = entry("/web", "unix:gid:1", ttl=timedelta(minutes=5))
    assert change([WEB, short], [short, WEB]).changed == ()
    assert change([WEB], [WEB, short]).changed[0] == Changed(_WEB, "ttl", "1h", "1h, 5m")
