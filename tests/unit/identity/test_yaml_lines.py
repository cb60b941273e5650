from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from accredit.identity.errors import ConfigError
from accredit.identity.yaml_lines import Key, load, show

_TEXT = """\
# a comment
trust_domain: prod.example
entries:
  - id: /a
    selectors: [unix:uid:1,
                unix:uid:2]
  -
    id: /b
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ((), 2),
        (("trust_domain",), 2),
        (("entries",), 3),
        (("entries", 0), 4),
        (("entries", 0, "id"), 4),
        (("entries", 0, "selectors"), 5),
        (("entries", 0, "selectors", 1), 6),
        (("entries", 1, "id"), 8),
    ],
)
def test_each_value_has_the_line_of_its_key_or_dash(key: Key, line: int) -> None:
    _, lines = load(_TEXT, "f.yaml")
    assert lines.line(key) == line


def test_what_is_not_there_has_the_line_of_what_is_around_it() -> None:
    _, lines = load(_TEXT, "f.yaml")
    assert lines.line(("entries", 0, "ttl", "deeper")) == 4
    assert load("", "f.yaml")[1].line(("entries",)) is None


def test_a_key_is_shown_as_people_write_it() -> None:
    assert show(("entries", 3, "selectors", 0)) == "entries[3].selectors[0]"
    assert show(()) == ""


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("# nothing\n", None),
        ("a:", {"a": None}),
        ("a: ~\nb: null", {"a": None, "b": None}),
        ("a: true\nb: false", {"a": True, "b": False}),
        ("a: 5\nb: -5\nc: 1.5\nd: 1e3", {"a": 5, "b": -5, "c": 1.5, "d": 1000.0}),
        ("a: '5'\nb: \"true\"", {"a": "5", "b": "true"}),
        # Where YAML 1.1 has surprises, text stays text.
        ("a: no\nb: on\nc: Yes", {"a": "no", "b": "on", "c": "Yes"}),
        ("a: 12:30\nb: 0x10\nc: 1_000\nd: 2026-01-01", None),
        ("1: a\nyes: b\nnull: c", {"1": "a", "yes": "b", "null": "c"}),
        ("%YAML 1.2\n---\na: b\n...\n", {"a": "b"}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}),
        ("\ufeffa: b", {"a": "b"}),
    ],
)
def test_plain_data_comes_out_without_surprises(text: str, data: object) -> None:
    found, _ = load(text, "f.yaml")
    if data is None and text.startswith("a: 12"):
        data = {"a": "12:30", "b": "0x10", "c": "1_000", "d": "2026-01-01"}
    assert found == data


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("a:\n\t- b", "f.yaml:2: is not YAML: a tab, '@', '`' or '%' cannot stand here"),
        ("a: [1\nb: 2", "f.yaml:2: is not YAML: "),
        ("a: 'b", "f.yaml:1: is not YAML: "),
        ("a: b: c", "f.yaml:1: is not YAML: mapping values are not allowed"),
        ("a: @b", "cannot stand here; indent with spaces, or quote the text"),
        ("a: 1\n---\nb: 2", "f.yaml:2: holds a second document after '---'; expected one"),
        ("a: !!str b", "f.yaml:1: a: has a tag; tags such as !!str are not supported"),
        ("a: !!python/object/apply:os.system [x]", "f.yaml:1: a: has a tag"),
        ("!!str a: b", "f.yaml:1: has a key that is not plain text"),
        ("a:\n  ? [x]\n  : b", "f.yaml:2: a: has a key that is not plain text"),
        ("a: &x\n  b: 1\nc:\n  <<: *x", "f.yaml:4: c: has a merge key"),
        ("a: *x", "f.yaml:1: a: no anchor &x ends before this alias"),
        ("a: &x [*x]", "f.yaml:1: a[0]: no anchor &x ends before this alias"),
        ("a: b\nc: \x07", "f.yaml:2: holds the control character '\\x07'"),
        ("a: \ud800", "f.yaml:1: holds the control character"),
        ("a: " + "9" * 101, "f.yaml:1: a: is a number of more than 100 digits"),
        ("[" * 40, "f.yaml:1: is nested deeper than 32 levels"),
        ("[" * 1_000_000, "f.yaml:1: is nested deeper than 32 levels"),
        ("[" + "a," * 500_000 + "]", "holds more than 500000 values"),
        ("a" * (8 * 1024 * 1024 + 1), "f.yaml: is larger than 8388608 bytes"),
    ],
)
def test_what_cannot_be_read_is_one_clear_mistake(text: str, mistake: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text, "f.yaml")
    assert len(caught.value.mistakes) == 1
    assert mistake in str(caught.value)


def test_every_key_given_twice_is_a_mistake_that_names_both_lines() -> None:
    with pytest.raises(ConfigError) as caught:
        load("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n", "f.yaml")
    assert str(caught.value).splitlines() == [
        "f.yaml:4: b.c: is given twice, first in line 3",
        "f.yaml:5: a: is given twice, first in line 1",
    ]


def test_aliases_count_in_full_so_that_a_bomb_never_goes_off() -> None:
    nine = ", ".join(["*a{0}"] * 9)
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [{nine.format(n - 1)}]\n" for n in range(1, 40)
    )
    with pytest.raises(ConfigError, match="holds more than 500000 values, aliases counted"):
        load(bomb, "f.yaml")


def test_an_alias_has_the_line_where_it_stands_and_its_parts_where_they_were_written() -> None:
    _, lines = load("a: &x\n  - 1\n  - 2\nb: *x\n", "f.yaml")
    assert lines.line(("b",)) == 4
    assert lines.line(("b", 1)) == 3


_scalars = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"))
_data = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc<", max_size=3), inner),
    max_leaves=20,
)


@given(_data)
def test_what_yaml_and_json_writers_print_reads_back_as_plain_data(data: object) -> None:
    try:
        found, _ = load(json.dumps(data), "f.yaml")
    except ConfigError:
        # JSON escapes every character, YAML has no escape for lone halves of a pair.
        assert "\\ud8" in json.dumps(data) or "\\u" in json.dumps(data)
        return
    assert found == data


@given(st.text(st.sampled_from("ab:-?[]{},&*!|>'\"%@`#\n \t0123456789.<~\\\x00\x85\ufeff")))
def test_no_text_does_worse_than_a_config_error(text: str) -> None:
    with suppress(ConfigError):
        load(text, "f.yaml")


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_a_config_error(data: bytes) -> None:
    with suppress(ConfigError):
        load(data.decode("latin-1"), "f.yaml")


def test_the_parser_in_python_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML comes without its C half."""
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert load(_TEXT, "f.yaml")[0] == {
        "trust_domain": "prod.example",
        "entries": [{"id": "/a", "selectors": ["unix:uid:1", "unix:uid:2"]}, {"id": "/b"}],
    }
    for text in ("a:\n\t- b", "a: [1\nb: 2", '"\\UFFFFFFFF"', "[" * 1000):
        with pytest.raises(ConfigError, match=r"f\.yaml"):
            load(text, "f.yaml")


def test_the_worst_texts_are_refused_in_bounded_time() -> None:
    began = time.monotonic()
    for text in ("{" * 100_000, "a: " * 100_000, "&a " * 100_000, "- " * 100_000, "? " * 100_000):
        with pytest.raises(ConfigError):
            load(text, "f.yaml")
    assert time.monotonic() - began < 20
