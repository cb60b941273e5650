"""The configuration reference holds every key, and its example is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from accredit.agent.config import Config, parse_config
from accredit.agent.config_types import section_in
from accredit.agent.reference import render

_TEXT = render()
_PATH = Path("/f")


def test_every_key_has_a_row_with_value_and_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]*) \| (.+) \|$", _TEXT, re.MULTILINE)
    assert [name for name, *_ in rows] == _order()
    assert all(value.strip() and meaning.strip() for _, value, _, meaning in rows)


def _order() -> list[str]:
    """Return the keys as the reference groups them: a section's own keys, then those below."""

    def grouped(model: type[BaseModel]) -> list[str]:
        names = [field.alias or name for name, field in model.model_fields.items()]
        inner = [section_in(field.annotation) for field in model.model_fields.values()]
        return [*names, *(key for each in inner if each for key in grouped(each))]

    return grouped(Config)


@pytest.mark.parametrize(
    "row",
    [
        "| `trust_domain` | trust domain | required |",
        "| `ttl` | duration | `1h` |",
        "| `size_limit` | bytes | `268435456` |",
        "| `key_type` | key type | `ec-p256` |",
        "| `withdrawn` | `keep` or `cut` | `keep` |",
        "| `default_svid_name` | text | `default` |",
        "| `enabled` | true or false | `true` |",
        "| `entries_dir` | path |  |",
        "| `relationships` | list of sections |  |",
        "| `profile` | `https_web` or `https_spiffe` | required |",
    ],
)
def test_a_row_tells_the_unit_and_the_default(row: str) -> None:
    assert row in _TEXT


def test_its_example_of_an_entry_is_one() -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", _TEXT, re.DOTALL)
    places = "trust_domain: prod.example\ndata_dir: /d\nsocket: /s\nadmin_socket: /a\n"
    parse_config(places + example, _PATH)
