from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.entries import entry

from accredit.authority.entry_set import EntrySet, diff
from accredit.identity.selector import Selector

_NAMES = tuple("abcdef")


def _selectors(*names: str) -> frozenset[Selector]:
    return frozenset(Selector("test", name) for name in names)


def _set(*required: frozenset[Selector]) -> EntrySet:
    return EntrySet(
        replace(entry(f"/{place}"), selectors=selectors) for place, selectors in enumerate(required)
    )


_some = st.sets(st.sampled_from(_NAMES)).map(lambda names: _selectors(*names))


@given(st.lists(_some.filter(bool), max_size=20), _some)
def test_entries_match_whose_selectors_the_caller_has_all_of(
    required: list[frozenset[Selector]], having: frozenset[Selector]
) -> None:
    entries = _set(*required)
    expected = tuple(each for each in entries if each.selectors <= having)
    assert entries.match(having) == expected


def test_matches_come_in_file_order_whatever_the_index_prefers() -> None:
    entries = _set(_selectors("a", "b"), _selectors("a"), _selectors("b"), _selectors("a"))
    assert entries.match(_selectors("a", "b")) == entries.entries


def test_an_entry_without_selectors_matches_nobody() -> None:
    entries = _set(frozenset())
    assert entries.match(_selectors("a")) == ()
    assert entries.match(frozenset()) == ()


def test_no_entries_match_nobody() -> None:
    assert EntrySet().match(_selectors("a")) == ()


def test_a_caller_is_only_compared_with_entries_that_share_a_rare_selector() -> None:
    class Watched(frozenset[Selector]):
        compared = 0

        def __le__(self, other: object) -> bool:
            Watched.compared += 1
            return frozenset(self) <= other  # type: ignore[operator]

    entries = EntrySet(
        replace(entry(f"/{n}"), selectors=Watched(_selectors("everyone", str(n))))
        for n in range(10_000)
    )
    found = entries.match(_selectors("everyone", "77", "of no entry"))
    assert [str(each.spiffe_id) for each in found] == ["spiffe://prod.example/77"]
    assert Watched.compared == 1


def test_entries_are_found_by_id() -> None:
    entries = EntrySet([entry("/web"), entry("/db")])
    assert entries.by_id(entry("/db").entry_id) == entry("/db")
    assert entries.by_id("nobody") is None
    assert len(entries) == 2


def test_two_entries_with_one_id_are_a_bug() -> None:
    with pytest.raises(ValueError, match="two entries share an entry_id"):
        EntrySet([entry("/web"), entry("/web", hint="again")])


def test_a_diff_tells_added_removed_and_changed_entries_apart() -> None:
    old = EntrySet([entry("/kept"), entry("/removed"), entry("/changed")])
    new = EntrySet([entry("/kept"), entry("/changed", hint="new"), entry("/added")])
    changes = diff(old, new)
    assert changes.added == (entry("/added"),)
    assert changes.removed == (entry("/removed"),)
    assert changes.changed == (entry("/changed", hint="new"),)
    assert not changes.reordered


def test_no_change_is_a_false_diff() -> None:
    old = EntrySet([entry("/web", order=0)])
    new = EntrySet([entry("/web", order=5)])
    assert not diff(old, new)


def test_another_order_is_a_change_as_it_may_change_the_default() -> None:
    old, new = EntrySet([entry("/a"), entry("/b")]), EntrySet([entry("/b"), entry("/a")])
    assert diff(old, new).reordered
    assert diff(old, new)


def test_entries_that_come_and_go_reorder_nothing() -> None:
    old = EntrySet([entry("/gone"), entry("/a"), entry("/b")])
    new = EntrySet([entry("/a"), entry("/new"), entry("/b")])
    assert not diff(old, new).reordered
