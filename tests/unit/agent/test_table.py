"""Columns and JSON."""

from __future__ import annotations

from accredit.agent import table


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    text = table.render(("ID", "HINT"), [("spiffe://a/b", ""), ("x", "internal")])
    assert text == "ID            HINT\nspiffe://a/b\nx             internal"


def test_a_table_without_rows_is_its_headings() -> None:
    assert table.render(("ID", "HINT"), []) == "ID  HINT"


def test_values_are_aligned_after_their_names() -> None:
    assert table.facts([("a", "1"), ("long", "2"), ("empty", "")]) == "a      1\nlong   2\nempty"


def test_json_is_for_programs() -> None:
    assert table.to_json({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}'
