from __future__ import annotations

from accredit.envoy.lint.change import changed
from accredit.envoy.lint.composer import compose
from accredit.envoy.lint.edit import Edit, Remove, Rename, Set
from accredit.envoy.lint.place import Place


def _changed(text: str, *edits: Edit) -> str:
    return changed(text, compose(text, "f"), edits)


def _place(*path: str | int) -> Place:
    return Place(None, path, 1)


def test_edits_apart_from_each_other_are_made_at_once() -> None:
    text = "a: 1\nb: {c: 2}\nd: [3]\n"
    edits = (Set(_place("a"), 5), Remove(_place("b", "c")), Rename(_place("d"), "e", "x"))
    assert _changed(text, *edits) == "a: 5\nb: {}\ne: x\n"


def test_edits_in_each_others_way_wait_for_the_next_time() -> None:
    text = "a: {b: 1}\n"
    edits = (Set(_place("a", "c"), 5), Set(_place("a", "d"), 6))
    once = _changed(text, *edits)
    assert once == "a: {c: 5, b: 1}\n"
    assert _changed(once, edits[1]) == "a: {d: 6, c: 5, b: 1}\n"


def test_one_that_would_break_something_does_not_keep_the_others_from_being_made() -> None:
    rest = "x: {y: &y {z: 1}}\nother: *y\n"
    before, after = ("".join(f"a{n}: {value}\n" for n in range(20)) for value in (1, 7))
    edits: list[Edit] = [Set(_place(f"a{n}"), 7) for n in range(20)]
    # Without its anchor the alias below it stands for nothing.
    edits.insert(10, Remove(_place("x", "y")))
    assert _changed(before + rest, *edits) == after + rest


def test_what_an_alias_shares_changes_in_both_places() -> None:
    text = "a: &x {b: 1}\nc: *x\n"
    assert _changed(text, Set(_place("c", "b"), 2)) == "a: &x {b: 2}\nc: *x\n"


def test_a_change_that_reads_back_as_something_else_is_not_made() -> None:
    # The key is there twice: what is set in front of it does not count.
    text = "a: {b: 1, b: 2}\n"
    assert _changed(text, Remove(_place("a", "b"))) == text
