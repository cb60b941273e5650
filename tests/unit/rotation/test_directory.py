from __future__ import annotations

from support.entries import entry

from accredit.authority.entry_set import EntrySet
from accredit.identity.selector import Selector
from accredit.rotation.directory import Directory
from accredit.rotation.watcher import Watcher

ANA, BOB = "unix:uid:1", "unix:uid:2"
A, B = entry("/a", ANA), entry("/b", BOB)


def of(*texts: str) -> frozenset[Selector]:
    return frozenset(Selector.parse(text) for text in texts)


def test_callers_with_the_same_entries_share_one_group() -> None:
    directory = Directory(EntrySet([A]), idle=10)
    assert directory.find(of(ANA)).group is directory.find(of(ANA, "unix:gid:7")).group
    assert directory.find(of(ANA)) is not directory.find(of(ANA, "unix:gid:7"))


def test_callers_without_entries_share_one_too() -> None:
    directory = Directory(EntrySet([A]), idle=10)
    assert directory.find(of(BOB)).group is directory.find(of("unix:uid:3")).group
    assert directory.find(of(BOB)).group.entitlement.entries == ()


def test_only_audiences_whose_entries_changed_are_named() -> None:
    directory = Directory(EntrySet([A, B]), idle=10)
    ana, bob = Watcher(), Watcher()
    directory.join(ana, of(ANA))
    directory.join(bob, of(BOB))
    changed = directory.replace(EntrySet([A, entry("/b", BOB, hint="new")]))
    assert [audience.watchers for audience in changed] == [{bob}]


def test_entries_that_are_equal_change_nothing() -> None:
    directory = Directory(EntrySet([A]), idle=10)
    directory.join(Watcher(), of(ANA))
    assert directory.replace(EntrySet([entry("/a", ANA, order=7)])) == []


def test_a_new_order_is_a_change() -> None:
    one, two = entry("/1", ANA), entry("/2", ANA)
    directory = Directory(EntrySet([one, two]), idle=10)
    directory.join(Watcher(), of(ANA))
    (changed,) = directory.replace(EntrySet([two, one]))
    assert changed.group.entitlement.entries == (two, one)


def test_an_entry_leads_to_the_groups_that_have_it() -> None:
    both = entry("/both", ANA), entry("/only", ANA, BOB)
    directory = Directory(EntrySet(both), idle=10)
    narrow, wide = directory.find(of(ANA)).group, directory.find(of(ANA, BOB)).group
    assert directory.groups_with(both[0].entry_id) == {narrow, wide}
    assert directory.groups_with(both[1].entry_id) == {wide}
    assert directory.groups_with("nobody's") == frozenset()


def test_an_entry_is_watched_while_somebody_with_it_waits() -> None:
    directory, watcher = Directory(EntrySet([A, B]), idle=10), Watcher()
    directory.join(watcher, of(ANA))
    assert directory.watched(A.entry_id)
    assert not directory.watched(B.entry_id)
    directory.leave(watcher)
    assert not directory.watched(A.entry_id)


def test_a_watcher_whose_selectors_changed_moves() -> None:
    directory, watcher = Directory(EntrySet([A, B]), idle=10), Watcher()
    directory.join(watcher, of(ANA))
    directory.join(watcher, of(BOB))
    assert directory.watchers == 1
    assert not directory.watched(A.entry_id)
    assert directory.watched(B.entry_id)


def test_joining_again_changes_nothing() -> None:
    directory, watcher = Directory(EntrySet([A]), idle=10), Watcher()
    directory.join(watcher, of(ANA))
    directory.join(watcher, of(ANA))
    assert directory.watchers == 1
    directory.leave(watcher)
    directory.leave(watcher)
    assert directory.watchers == 0


def test_idle_audiences_are_bounded_and_the_longest_unused_goes_first() -> None:
    directory = Directory(EntrySet([A]), idle=2)
    first, second = directory.find(of("t:1")), directory.find(of("t:2"))
    assert directory.find(of("t:1")) is first
    directory.find(of("t:3"))
    assert directory.find(of("t:1")) is first
    assert directory.find(of("t:2")) is not second


def test_watched_audiences_are_never_dropped_for_idle_ones() -> None:
    directory, watcher = Directory(EntrySet([A]), idle=1), Watcher()
    directory.join(watcher, of(ANA))
    audience = directory.find(of(ANA))
    for number in range(10):
        directory.find(of(f"t:{number}"))
    assert directory.find(of(ANA)) is audience


def test_a_group_that_its_last_audience_moved_out_of_is_gone() -> None:
    directory = Directory(EntrySet([A, B]), idle=10)
    directory.join(Watcher(), of(ANA))
    directory.replace(EntrySet([entry("/a", ANA, hint="new")]))
    (group,) = directory.groups
    assert directory.groups_with(A.entry_id) == {group}
    assert [audience.group for audience in group.audiences] == [group]


def test_when_all_have_left_and_new_entries_came_nothing_is_left() -> None:
    directory = Directory(EntrySet([A, B]), idle=10)
    watchers = [Watcher() for _ in range(5)]
    for number, watcher in enumerate(watchers):
        directory.join(watcher, of(ANA, f"t:{number}"))
    for watcher in watchers:
        directory.leave(watcher)
    directory.replace(EntrySet([A]))
    assert list(directory.groups) == []
    assert directory.groups_with(A.entry_id) == frozenset()
    assert (directory._audiences, directory._by_entry, directory._seats) == ({}, {}, {})
