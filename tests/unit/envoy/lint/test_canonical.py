from __future__ import annotations

import pytest

from accredit.envoy.lint.canonical import canonical
from accredit.envoy.lint.composer import compose
from accredit.envoy.lint.place import Place


def _canonical(text: str) -> str:
    root = compose(text, "f")
    return canonical(Place(root, (), root.line))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{a_b: 1, c: 2}", "{c: 2, aB: 1}"),
        ("{t: 0s}", "{t: 0.000s}"),
        ("{t: 0.25s}", "{t: 0.250s}"),
        ("{api_type: GRPC}", "{apiType: 2}"),
        ("{api_type: GRPC}", "{api_type: grpc}"),
        ("{a: 1, b: }", "{a: 1}"),
    ],
)
def test_what_envoy_reads_as_the_same_is_the_same(one: str, other: str) -> None:
    assert _canonical(one) == _canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("{t: 1s}", "{t: 10s}"), ("{t: 0.1s}", "{t: 0.01s}"), ("{a: [1, 2]}", "{a: [2, 1]}")],
)
def test_what_differs_differs(one: str, other: str) -> None:
    assert _canonical(one) != _canonical(other)
