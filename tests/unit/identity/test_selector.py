from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accredit.identity.errors import SelectorError
from accredit.identity.selector import Selector


def test_the_value_may_hold_colons_and_spaces() -> None:
    selector = Selector.parse("unix:path:/opt/my app:1")
    assert selector == Selector("unix", "path:/opt/my app:1")


@pytest.mark.parametrize("text", ["", ":", "unix", "unix:", ":uid:1000"])
def test_a_selector_needs_type_and_value(text: str) -> None:
    with pytest.raises(SelectorError, match="expected type:value"):
        Selector.parse(text)


def test_a_type_has_no_colon() -> None:
    with pytest.raises(SelectorError, match="expected type:value"):
        Selector("unix:uid", "1000")


def test_a_selector_has_at_most_4096_characters() -> None:
    longest = "unix:" + "x" * 4091
    assert str(Selector.parse(longest)) == longest
    with pytest.raises(SelectorError, match="longer than 4096"):
        Selector.parse(longest + "x")


@given(st.text())
def test_a_selector_prints_as_it_was_parsed_or_is_refused(text: str) -> None:
    try:
        selector = Selector.parse(text)
    except SelectorError:
        return
    assert str(selector) == text
