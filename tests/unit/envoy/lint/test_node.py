from __future__ import annotations

from accredit.envoy.lint.composer import compose


def test_the_plain_value_keeps_each_scalar_as_it_was_written() -> None:
    text = "a: [1, 01, yes, 'yes', ~]\nb: {c: 1.50}\n"
    assert compose(text, "f").data() == {"a": ["1", "01", "yes", "yes", None], "b": {"c": "1.50"}}
