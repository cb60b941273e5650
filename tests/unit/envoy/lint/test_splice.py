from __future__ import annotations

import pytest

from accredit.envoy.lint.composer import compose
from accredit.envoy.lint.edit import Edit, Remove, Rename, Set
from accredit.envoy.lint.place import Place
from accredit.envoy.lint.splice import Splicer


def _place(text: str, *path: str | int) -> Place:
    root = compose(text, "f")
    return Place(root, path, 1)


def _after(text: str, edit: Edit) -> str | None:
    splice = Splicer(text, compose(text, "f")).splice(edit)
    return None if splice is None else text[: splice.start] + splice.text + text[splice.end :]


@pytest.mark.parametrize(
    ("text", "path", "after"),
    [
        ("a: 1  # one\n", ("a",), "a: 5  # one\n"),
        ("a: {b: 1}\n", ("a", "b"), "a: {b: 5}\n"),
        ("a:\n", ("a",), "a: 5\n"),
        ("a: ~\n", ("a",), "a: 5\n"),
        ("a: &x 1\nb: *x\n", ("b",), "a: &x 1\nb: 5\n"),
        ("a: 1\n", ("b",), "a: 1\nb: 5\n"),
        ("a: 1  # one\nc: 2", ("b",), "a: 1  # one\nb: 5\nc: 2"),
        ("a:\n  x: {}\n", ("b",), "b: 5\na:\n  x: {}\n"),
        ("a:\n- x:\n    y: 1\n", ("a", 0, "b"), "a:\n- b: 5\n  x:\n    y: 1\n"),
        ("a: |\n  text\nc: 1\n", ("b",), "a: |\n  text\nc: 1\nb: 5\n"),
        ("a: {}\n", ("a", "b"), "a: {b: 5}\n"),
        ("a: {c: 1}\n", ("a", "b"), "a: {b: 5, c: 1}\n"),
        ("a: 1\n", ("b", "c"), "a: 1\nb:\n  c: 5\n"),
        ("a: {x: 1}\n", ("a", "b", "c"), "a: {b: {c: 5}, x: 1}\n"),
        ("a: 1\n", ("b", 0, "c"), "a: 1\nb:\n  - c: 5\n"),
        ("a:\n", ("a", "b"), "a: {b: 5}\n"),
        ('{"a": {}}', ("a", "b"), '{"a": {"b": 5}}'),
        ('{\n  "c": 1\n}', ("b",), '{\n  "b": 5,\n  "c": 1\n}'),
        ("aB: 1\n", ("c_d",), "aB: 1\ncD: 5\n"),
        ("a_b: 1\nxY: 2\n", ("c_d",), "a_b: 1\nc_d: 5\nxY: 2\n"),
    ],
)
def test_a_value_is_set_where_it_stands_or_put_in(
    text: str, path: tuple[str | int, ...], after: str
) -> None:
    assert _after(text, Set(_place(text, *path), 5)) == after


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: &x 1\nb: *x\n", ("a",)),
        ("a: |\n  1\n", ("a",)),
        ("a: !!str 1\n", ("a",)),
        ("a: text\n", ("a", "b")),
        ("a: [1]\n", ("a",)),
        ("a: [1]\n", ("a", 3)),
        ("a: &x {}\nb: *x\n", ("b", "c")),
    ],
)
def test_what_takes_a_person_is_left(text: str, path: tuple[str | int, ...]) -> None:
    assert _after(text, Set(_place(text, *path), 5)) is None


@pytest.mark.parametrize(
    ("text", "path", "after"),
    [
        ("a: 1\nb: 2\n", ("a",), "b: 2\n"),
        ("a: 1\nb: 2\n", ("b",), "a: 1\n"),
        ("a: 1\nb:\n  c:\n  - 2  # two\n# three\nd: 4\n", ("b",), "a: 1\n# three\nd: 4\n"),
        ("x:\n- a: 1\n  b: 2\n", ("x", 0, "a"), "x:\n- b: 2\n"),
        ("x:\n  a: 1\ny: 2\n", ("x", "a"), "x: {}\ny: 2\n"),
        ("x:\n  # why\n  a: 1\n", ("x", "a"), "x:\n  # why\n  {}\n"),
        ("x: {a: 1, b: 2}\n", ("x", "a"), "x: {b: 2}\n"),
        ("x: {a: 1, b: {c: 2}}\n", ("x", "b"), "x: {a: 1}\n"),
        ("x: {a: 1}\n", ("x", "a"), "x: {}\n"),
        ("a: |\n  text\n\nb: 1\n", ("a",), "\nb: 1\n"),
        ("a: 1\nb: 2", ("b",), "a: 1\n"),
    ],
)
def test_a_field_is_removed_with_its_line(
    text: str, path: tuple[str | int, ...], after: str
) -> None:
    assert _after(text, Remove(_place(text, *path))) == after


@pytest.mark.parametrize(
    ("text", "path", "after"),
    [
        ("a:\n- x: 1\nb: 2\n", ("a",), "c_d:\n  - 7\nb: 2\n"),
        ("x: {a: [1], b: 2}\n", ("x", "a"), "x: {c_d: [7], b: 2}\n"),
        ("aB: 1\n", ("aB",), "cD:\n  - 7\n"),
    ],
)
def test_a_field_gives_way_to_another(text: str, path: tuple[str | int, ...], after: str) -> None:
    assert _after(text, Rename(_place(text, *path), "c_d", [7])) == after


def test_what_is_not_there_cannot_be_taken_away() -> None:
    place = _place("a: 1\n", "b")
    assert _after("a: 1\n", Remove(place)) is None
    assert _after("a: 1\n", Rename(place, "c", 1)) is None
