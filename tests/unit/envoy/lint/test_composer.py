from __future__ import annotations

import pytest

from accredit.envoy.lint.composer import compose
from accredit.envoy.lint.node import Kind, Node
from accredit.identity.errors import ConfigError

_TEXT = """\
# é before everything
node: {id: "a b", cluster: web}
list:
  - one
  - two: &anchor
      x: yes
other: *anchor
empty:
"""


def _piece(text: str, node: Node) -> str:
    return text[node.start : node.end]


def test_each_value_knows_its_line_and_its_characters() -> None:
    root = compose(_TEXT, "f")
    node = root.children["node"]
    assert (node.line, node.flow, _piece(_TEXT, node)) == (2, True, '{id: "a b", cluster: web}')
    assert _piece(_TEXT, node.children["id"]) == '"a b"'
    two = root.children["list"].children[1]
    assert two.children["two"].line == 5
    assert two.children["two"].children["x"].line == 6
    assert root.keys["list"] == (_TEXT.index("list:"), 0)


def test_an_alias_has_its_own_place_and_the_parts_of_what_it_stands_for() -> None:
    root = compose(_TEXT, "f")
    alias, meant = root.children["other"], root.children["list"].children[1].children["two"]
    assert (alias.alias, alias.line, _piece(_TEXT, alias)) == (True, 7, "*anchor")
    assert alias.children is meant.children
    assert not meant.alias


def test_nothing_is_null_and_quotes_make_text_of_it() -> None:
    root = compose("a:\nb: ~\nc: null\nd: ''\ne: 'null'\nf: 07\n", "f")
    assert root.data() == {"a": None, "b": None, "c": None, "d": "", "e": "null", "f": "07"}


def test_as_in_envoy_the_last_of_two_equal_keys_counts() -> None:
    root = compose("a: 1\nb: 2\na: 3\n", "f")
    assert root.data() == {"a": "3", "b": "2"}
    assert root.repeated == [("a", 3)]


def test_as_in_envoy_what_is_tagged_to_be_ignored_is_and_its_anchors_count() -> None:
    root = compose("!ignore stuff: &x {b: 1}\na: *x\nc: !!str 5\n", "f")
    assert root.data() == {"a": {"b": "1"}, "c": "5"}


def test_json_is_read_too() -> None:
    root = compose('{"a": [1, "two", true, null, {"b": "\\u00e9"}]}', "f")
    assert root.data() == {"a": ["1", "two", "true", None, {"b": "é"}]}
    assert root.kind is Kind.MAP


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\n---\nb: 2\n", "f:2: holds a second document after '---'; expected one"),
        ("a:\n  <<: {b: 1}\n", "f:2: a: has a merge key '<<', which Envoy refuses; write it out"),
        ("a: *b\n", "f:1: a: no anchor &b ends before this alias"),
        ("? [a]\n: b\n", "f:1: has a key that is not plain text"),
        ("a: " + "[" * 101 + "]" * 101, "f:1: is nested deeper than 100 levels"),
        ("a: \x07", "f:1: holds the control character '\\x07'"),
        ("a: b: c", "f:1: is not YAML: mapping values are not allowed in this context"),
        ("a: '" + "x" * (8 * 1024 * 1024), "f: is larger than 8388608 bytes"),
        ("text", "f: is no Envoy bootstrap: expected a mapping such as static_resources: ..."),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compose(text, "f")
    assert str(refused.value) == reason


def test_aliases_that_multiply_are_counted_in_full() -> None:
    text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    with pytest.raises(ConfigError, match="holds more than 500000 values, aliases counted"):
        compose(text, "f")
