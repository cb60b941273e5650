from __future__ import annotations

import pytest
import yaml

from accredit.identity.errors import ConfigError
from accredit.identity.yaml_nodes import Composer


def _compose(text: str) -> Composer:
    return Composer("f.yaml", yaml.parse(text, Loader=yaml.SafeLoader))


def test_nodes_know_their_line_and_how_many_values_they_hold() -> None:
    root = _compose("a: [1, 2]\nb:\n  c: d\n").document()
    assert root is not None
    assert root.size == 6
    assert root.children["a"].size == 3
    assert root.children["b"].children["c"].line == 3


def test_an_alias_weighs_what_its_anchor_weighs() -> None:
    root = _compose("a: &x [1, 2]\nb: *x\n").document()
    assert root is not None
    assert root.size == 7


def test_no_document_is_no_node() -> None:
    assert _compose("").document() is None


def test_the_first_of_two_equal_keys_wins_and_the_second_is_remembered_as_a_mistake() -> None:
    composer = _compose("a: 1\na: 2\n")
    root = composer.document()
    assert root is not None
    assert root.data == {"a": 1}
    assert [str(mistake) for mistake in composer.mistakes] == [
        "f.yaml:2: a: is given twice, first in line 1"
    ]


def test_mistakes_found_before_the_fatal_one_come_with_it() -> None:
    with pytest.raises(ConfigError) as caught:
        _compose("a: 1\na: 2\nb: !!int 3\n").document()
    assert [mistake.line for mistake in caught.value.mistakes] == [2, 3]
