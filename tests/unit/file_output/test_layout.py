from __future__ import annotations

import pytest

from accredit.file_output.layout import SetName, file_target


def test_a_name_is_parsed_as_it_is_printed() -> None:
    name = SetName(7, "5f0c")
    assert str(name) == "7.5f0c"
    assert name.target == "sets/7.5f0c"
    assert SetName.parse("7.5f0c") == name
    assert SetName.of_link("sets/7.5f0c") == name


@pytest.mark.parametrize(
    "text", ["", "7", "7.", ".5", "0.a", "07.a", "7.A", "7.a/b", "7.a\n", "x.a", "9" * 20 + ".a"]
)
def test_a_name_of_somebody_else_is_none(text: str) -> None:
    assert SetName.parse(text) is None


@pytest.mark.parametrize("target", ["", "7.a", "/sets/7.a", "sets/../7.a", "other/7.a", "sets/"])
def test_a_link_to_anywhere_else_is_none(target: str) -> None:
    assert SetName.of_link(target) is None


def test_sets_sort_by_number_and_not_by_text() -> None:
    assert sorted([SetName(10, "a"), SetName(9, "b")]) == [SetName(9, "b"), SetName(10, "a")]


def test_the_link_of_a_file_leads_through_current() -> None:
    assert file_target("tls.crt") == "current/tls.crt"
