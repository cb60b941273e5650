from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.entries import entry, selectors, template

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


_PODS = template("/ns/{k8s:ns}", "unix:uid:1", order=1)
_POD = selectors("unix:uid:1", "k8s:ns:web")


def _ids(entries: EntrySet, having: frozenset[Selector]) -> list[str]:
    return [each.path for each in entries.match(having)]


def test_a_template_gives_each_caller_its_own() -> None:
    entries = EntrySet([_PODS])
    assert _ids(entries, _POD) == ["/ns/web"]
    assert _ids(entries, selectors("unix:uid:1", "k8s:ns:db")) == ["/ns/db"]


def test_a_template_wants_its_selectors_too() -> None:
    assert _ids(EntrySet([_PODS]), selectors("unix:uid:2", "k8s:ns:web")) == []


@given(_some, _some)
def test_a_template_wants_all_of_its_selectors(
    required: frozenset[Selector], having: frozenset[Selector]
) -> None:
    entries = EntrySet([replace(_PODS, selectors=required)])
    found = entries.match(having | selectors("k8s:ns:web"))
    assert bool(found) == (required <= having)


def test_a_template_may_rest_on_what_it_refers_to_alone() -> None:
    entries = EntrySet([template("/ns/{k8s:ns}/{k8s:sa}")])
    assert _ids(entries, selectors("k8s:ns:a", "k8s:sa:b")) == ["/ns/a/b"]
    assert _ids(entries, selectors("k8s:ns:a")) == []
    assert _ids(entries, frozenset()) == []


def test_instances_and_entries_come_in_file_order() -> None:
    first, last = entry("/first", "unix:uid:1"), entry("/last", "k8s:ns:web")
    assert _ids(EntrySet([first, _PODS, last]), _POD) == ["/first", "/ns/web", "/last"]


def test_a_template_never_gives_the_id_of_an_entry() -> None:
    strict = entry("/ns/web", "unix:uid:7")
    entries = EntrySet([_PODS, strict])
    assert _ids(entries, _POD) == []
    assert _ids(entries, selectors("unix:uid:7")) == ["/ns/web"]
    assert entries.owner(strict.spiffe_id) is strict


def test_two_templates_may_give_the_same_id() -> None:
    assert _ids(EntrySet([_PODS, template("/ns/{k8s:ns}")]), _POD) == ["/ns/web", "/ns/web"]


def test_an_instance_of_before_is_what_its_template_gives_now() -> None:
    (before,) = EntrySet([_PODS]).match(_POD)
    changed = EntrySet([entry("/other"), replace(_PODS, hint="new")])
    now = changed.current(before)
    assert now is not None
    assert (now.hint, now.path, now.entry_id) == ("new", "/ns/web", before.entry_id)
    assert changed.match(_POD) == (now,)


def test_an_instance_ends_with_its_template_or_when_an_entry_takes_its_id() -> None:
    (before,) = EntrySet([_PODS]).match(_POD)
    assert EntrySet([]).current(before) is None
    assert EntrySet([_PODS, entry("/ns/web", "unix:uid:7")]).current(before) is None


def test_an_entry_of_before_is_the_one_with_its_id_now() -> None:
    before = entry("/web")
    assert EntrySet([replace(before, hint="new")]).current(before) == replace(before, hint="new")
    assert EntrySet([]).current(before) is None


class _Watched(frozenset[Selector]):
    compared = 0

    def __le__(self, other: object) -> bool:
        _Watched.compared += 1
        return frozenset(self) <= other  # type: ignore[operator]


def test_the_cost_of_a_match_follows_near_matches_with_templates_and_shared_facts() -> None:
    grid = [
        replace(entry(f"/{ns}/{sa}"), selectors=_Watched(selectors(f"k8s:ns:{ns}", f"k8s:sa:{sa}")))
        for ns in range(70)
        for sa in range(70)
    ]
    templates = [
        replace(template(f"/t{n}/{{k8s:sa}}"), selectors=_Watched(selectors(f"unix:user:{n}")))
        for n in range(5_000)
    ]
    entries = EntrySet([*grid, *templates])
    _Watched.compared = 0
    found = _ids(entries, selectors("k8s:ns:5", "k8s:sa:6", "unix:user:7", "unix:uid:8"))
    assert found == ["/5/6", "/t7/6"]
    # Of those that share a fact there are 140, and each is looked at by one of its facts only.
    assert _Watched.compared <= 141
