"""Which of the caller's identities is the default one."""

from __future__ import annotations

import pytest
from support.entries import entry
from support.sds_names import API, CA, WEB, meaning, path_of
from support.snapshots import snapshot

from accredit.sds_server.names import Parked
from accredit.sds_server.node import Node


def test_default_is_the_entry_marked_so_else_the_first_in_file_order() -> None:
    marked = entry("/web", default=True, order=2)
    also_marked = entry("/db", default=True, order=3)
    assert path_of(meaning("default", snapshot(CA, WEB, API))) == "/api"
    assert path_of(meaning("default", snapshot(CA, API, also_marked, marked))) == "/web"


def test_node_metadata_may_choose_another_default_among_the_callers_own() -> None:
    assert path_of(meaning("default", node=Node(hint="public"))) == "/web"
    assert path_of(meaning("spiffe://prod.example/api", node=Node(hint="public"))) == "/api"


def test_a_wish_for_a_hint_that_is_not_the_callers_gives_nothing_instead_of_another() -> None:
    assert meaning("default", node=Node(hint="admin")) == Parked(
        "no entry of the caller has the hint 'admin'", certificate=True
    )


def test_node_metadata_may_choose_the_default_by_its_spiffe_id() -> None:
    node = Node(spiffe_id="spiffe://prod.example/web")
    assert path_of(meaning("default", node=node)) == "/web"
    assert path_of(meaning("spiffe://prod.example/api", node=node)) == "/api"
    assert meaning("default", snapshot(CA, API, pending=[WEB]), node) == Parked(
        "nobody can sign it just now", certificate=True, granted=True
    )


@pytest.mark.parametrize(
    "wish",
    [
        "spiffe://prod.example/db",
        "spiffe://prod.example",
        "spiffe://partner.example/web",
        "spiffe://prod.example/web/",
        "/web",
        "x" * 3000,
    ],
)
def test_a_wish_for_a_spiffe_id_that_is_not_the_callers_gives_nothing(wish: str) -> None:
    assert meaning("default", node=Node(spiffe_id=wish)) == Parked(
        f"no entry of the caller has the SPIFFE ID {wish[:100]!r}", certificate=True
    )


def test_of_two_wishes_both_must_hold() -> None:
    web = "spiffe://prod.example/web"
    assert path_of(meaning("default", node=Node(hint="public", spiffe_id=web))) == "/web"
    assert meaning("default", node=Node(hint="internal", spiffe_id=web)) == Parked(
        f"no entry of the caller has the hint 'internal' and the SPIFFE ID '{web}'",
        certificate=True,
    )
