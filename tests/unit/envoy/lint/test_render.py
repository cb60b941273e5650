from __future__ import annotations

from typing import Any

import pytest
import yaml

from accredit.envoy.lint import render

_VALUE: Any = {
    "a_b": {"c": True, "d": ["x", {"e": 1, "f": "0.1s"}], "g": {}, "h": []},
    "@type": "type.googleapis.com/envoy.x.v3.Y",
}


def test_every_form_reads_back_as_the_value() -> None:
    assert yaml.safe_load(render.flow(_VALUE, quoted=True)) == _VALUE
    assert yaml.safe_load(render.flow(_VALUE, quoted=False)) == _VALUE
    assert yaml.safe_load("  " + render.block("top", _VALUE, 2)) == {"top": _VALUE}


@pytest.mark.parametrize("text", ["yes", "No", "null", "1", "1e3", "0x1", "~", "a: b", "#", ""])
def test_text_that_could_be_something_else_is_quoted(text: str) -> None:
    assert yaml.safe_load(render.scalar(text)) == text


@pytest.mark.parametrize("text", ["TLSv1_3", "0.1s", "SANITIZE_SET", "prod.example"])
def test_other_text_is_not(text: str) -> None:
    assert render.scalar(text) == text


def test_fields_take_their_json_names_and_types_keep_theirs() -> None:
    assert render.camelled({"a_b": [{"c_d": "e_f"}], "x.y_z": 1}) == {
        "aB": [{"cD": "e_f"}],
        "x.y_z": 1,
    }
