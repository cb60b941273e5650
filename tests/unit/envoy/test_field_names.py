from __future__ import annotations

from accredit.envoy.field_names import spellings


def test_every_dash_may_be_an_underscore() -> None:
    assert spellings("x-a-b") == ["x-a-b", "x-a_b", "x_a-b", "x_a_b"]
    assert spellings("x") == ["x"]
