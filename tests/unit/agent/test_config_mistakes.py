"""What pydantic found, in our own words."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from accredit.agent.config_mistakes import mistakes
from accredit.agent.config_types import Section
from accredit.identity.yaml_lines import load


class Inner(Section):
    size: Annotated[int, Field(ge=1, le=9)] = 1
    name: Annotated[str, Field(min_length=1, max_length=3)] = "a"


class Outer(Section):
    inner: Inner = Inner()
    colour: Literal["red", "blue"] = "red"
    on: bool = True
    parts: list[int] = Field(default=[])
    needed: int
    ratio: float = 1.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("on: true", "f:1: needed: is missing"),
        ("needed: 1\non: 1", "f:2: on: expected true or false"),
        ("needed: x", "f:1: needed: expected a whole number"),
        ("needed: 1\ncolour: green", "f:2: colour: expected 'red' or 'blue'"),
        ("needed: 1\ninner: 3", "f:2: inner: expected keys and values"),
        ("needed: 1\nparts: 3", "f:2: parts: expected a list"),
        ("needed: 1\nparts:\n  - 1\n  - x", "f:4: parts[1]: expected a whole number"),
        ("needed: 1\ninner:\n  size: 0", "f:3: inner.size: expected at least 1"),
        ("needed: 1\ninner:\n  size: 10", "f:3: inner.size: expected at most 9"),
        ("needed: 1\ninner:\n  name: 1", "f:3: inner.name: expected text"),
        ("needed: 1\ninner:\n  name: ''", "f:3: inner.name: expected text that is not empty"),
        ("needed: 1\ninner:\n  name: abcd", "f:3: inner.name: expected at most 3 characters"),
        ("needed: 1\ninner:\n  siez: 1", "f:3: inner.siez: unknown key; did you mean 'size'?"),
        ("needed: 1\ninner:\n  x: 1", "f:3: inner.x: unknown key; expected one of name, size"),
        ("needed: 1\nratio: x", "f:2: ratio: input should be a valid number"),
    ],
)
def test_a_mistake_names_line_key_and_what_was_expected(text: str, told: str) -> None:
    data, lines = load(text, "f")
    with pytest.raises(ValidationError) as raised:
        Outer.model_validate(data)
    assert [str(each) for each in mistakes(raised.value, Outer, "f", lines)] == [told]


def test_mistakes_come_in_the_order_of_the_file() -> None:
    data, lines = load("zzz: 1\nratio: x\nneeded: x\n", "f")
    with pytest.raises(ValidationError) as raised:
        Outer.model_validate(data)
    assert [each.line for each in mistakes(raised.value, Outer, "f", lines)] == [1, 2, 3]
