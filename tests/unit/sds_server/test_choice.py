from __future__ import annotations

from support.ca import TestCa
from support.entries import entry
from support.snapshots import snapshot

from accredit.sds_server.choice import choose
from accredit.sds_server.node import Node

CA = TestCa("prod.example")
API, WEB = entry("/api", hint="one", order=1), entry("/web", hint="two", order=2)
MARKED = entry("/db", default=True, order=3)


def test_without_a_wish_it_is_the_marked_entry_else_the_first_in_file_order() -> None:
    assert choose(snapshot(CA, WEB, API), Node()) is API
    assert choose(snapshot(CA, WEB, pending=[API]), Node()) is API
    assert choose(snapshot(CA, WEB, API, MARKED), Node()) is MARKED


def test_a_wish_is_met_by_an_entry_that_is_not_signed_for_yet() -> None:
    state = snapshot(CA, API, pending=[WEB])
    assert choose(state, Node(hint="two")) is WEB
    assert choose(state, Node(spiffe_id="spiffe://prod.example/web")) is WEB


def test_a_wish_that_no_entry_meets_is_told_and_gives_nothing() -> None:
    state = snapshot(CA, API, WEB, MARKED)
    assert choose(state, Node(hint="x")) == "no entry of the caller has the hint 'x'"
    both = Node(hint="one", spiffe_id="spiffe://prod.example/web")
    assert choose(state, both) == (
        "no entry of the caller has the hint 'one' and the SPIFFE ID 'spiffe://prod.example/web'"
    )


def test_a_stranger_has_no_default() -> None:
    for node in (Node(), Node(hint="one")):
        assert choose(snapshot(CA), node) == "no registration entry matches the caller"
