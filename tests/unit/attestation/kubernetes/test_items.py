from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accredit.attestation.kubernetes.items import items


def test_items_are_given_one_after_the_other() -> None:
    found = items(b'{"kind":"PodList", "metadata":{"a":[1]},"items":[{"a":1} , {"b":2}],"x":0}\n')
    assert next(found) == {"a": 1}
    assert list(found) == [{"b": 2}]


_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=50)
@given(
    st.lists(_JSON, max_size=4),
    st.dictionaries(st.text(), _JSON, max_size=3),
    st.sampled_from([None, 1]),
)
def test_they_are_what_the_whole_document_says(
    listed: list[object], more: dict[str, object], indent: int | None
) -> None:
    document = {**more, "items": listed, "z": more}
    assert list(items(json.dumps(document, indent=indent).encode())) == listed


@pytest.mark.parametrize("empty", ["null", "[]", "[ ]"])
def test_a_node_without_pods_lists_none(empty: str) -> None:
    assert list(items(f'{{"kind":"PodList","items":{empty}}}'.encode())) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON: Expecting value at character 0"),
        (b"<html>", "not JSON"),
        (b"\xff\xfe\xfd", "not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"items":[' + b"[" * 100_000, "nested too deep"),
        (b"[]", "not a list of pods"),
        (b"{}", "not a list of pods"),
        (b'{"kind":"Status","code":500}', "not a list of pods"),
        (b'{"items":{"a":1}}', "not a list of pods"),
        (b'{"items":"all"}', "not a list of pods"),
        (b'{"other":null}', "not a list of pods"),
        (b'{"items":[1,]}', "not JSON: Expecting value"),
        (b'{"items":[1 2]}', "not JSON: Expecting ',' at character 12"),
        (b'{"items":[1]', "not JSON: Expecting ',' at character 12"),
        (b'{"items":[1', "not JSON: Expecting ',' at character 11"),
        (b'{"items" [1]}', "not JSON: Expecting ':'"),
        (b'{"items":[1]} x', "not JSON: Extra data at character 14"),
    ],
)
def test_garbage_is_no_list(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        list(items(data))
