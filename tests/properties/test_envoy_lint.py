"""Whatever a bootstrap holds, lint tells or refuses; what it fixes stays fixed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bootstraps import FIXABLE, GOOD

from accredit.envoy.lint.fix import fix
from accredit.envoy.lint.lint import RULES, lint
from accredit.identity.errors import ConfigError

_WHOLE = [yaml.safe_load(sample.text) for sample in (*GOOD, *FIXABLE)]


def _keys(value: Any) -> set[str]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = {str(key) for key in value} if isinstance(value, dict) else set()
    return found.union(*(_keys(each) for each in inner))


def _texts(value: Any) -> set[str]:
    if not isinstance(value, dict | list):
        return {str(value)}
    inner = value.values() if isinstance(value, dict) else value
    return set().union(*(_texts(each) for each in inner))


_KEYS = sorted(set().union(*map(_keys, _WHOLE)))
_TEXTS = sorted(set().union(*map(_texts, _WHOLE)))
_SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(_TEXTS)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=30,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(value, dict | list):
        return [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(found for key, each in inner for found in _places(each, (*path, key)))]


_PLACES = [(number, place) for number, whole in enumerate(_WHOLE) for place in _places(whole)]


@st.composite
def _mutated(draw: st.DrawFn) -> dict[str, Any]:
    """Return a real bootstrap with some of its values replaced by others, or taken away."""
    number, _ = draw(st.sampled_from(_PLACES))
    whole = copy.deepcopy(_WHOLE[number])
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from([p for p in _places(whole) if p] or [("node",)]))
        target = whole
        for step in way:
            target = target[step]
        if draw(st.booleans()):
            target[last] = draw(_VALUES)
        elif isinstance(target, dict):
            target.pop(last, None)
        else:
            del target[last]
    return dict(whole)


def _check(text: str) -> None:
    try:
        found = lint(text, "f")
    except ConfigError:
        return
    assert {each.rule.id for each in found} <= {rule.id for rule in RULES}
    fixed = fix(text, "f")
    assert fix(fixed.text, "f").text == fixed.text
    assert lint(fixed.text, "f") is not None


@given(st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=6))
def test_any_document_is_told_about(data: dict[str, Any]) -> None:
    _check(json.dumps(data))
    _check(yaml.safe_dump(data, allow_unicode=True))


@settings(max_examples=60)
@given(_mutated())
def test_any_change_to_a_bootstrap_is_told_about(data: dict[str, Any]) -> None:
    _check(yaml.safe_dump(data))


@given(st.text(alphabet=st.sampled_from("ab:- \n{}[]&*x'\"|>#!?,~0"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    _check(text)


@pytest.mark.parametrize("text", ["{a: " * 5000, "a: " + "[" * 5000, "- " * 5000])
def test_a_deep_document_is_refused_and_not_followed(text: str) -> None:
    with pytest.raises(ConfigError, match="nested deeper than 100 levels"):
        lint(text, "f")


def test_hundreds_of_clusters_are_read_in_full() -> None:
    whole = yaml.safe_load(FIXABLE[1].text)
    clusters = whole["static_resources"]["clusters"]
    clusters += [dict(clusters[2], name=f"more-{n}") for n in range(300)]
    found = lint(json.dumps(whole), "f")
    assert sum(each.rule.id == "upstream-resumption" for each in found) == 301
