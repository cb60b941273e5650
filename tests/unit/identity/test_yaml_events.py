from __future__ import annotations

import pytest
import yaml

from accredit.identity.errors import ConfigError
from accredit.identity.yaml_events import events


def test_events_come_one_by_one_until_something_is_wrong() -> None:
    found = events("a: 1\nb: [\n", "f.yaml", "too deep")
    assert isinstance(next(found), yaml.StreamStartEvent)
    with pytest.raises(ConfigError, match=r"f\.yaml:3: is not YAML: "):
        list(found)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\nb: \x07\n", r"f\.yaml:2: holds the control character '\\x07'"),
        ("a: @b\n", r"f\.yaml:1: is not YAML: a tab, '@', '`' or '%' cannot stand here"),
        ("x" * (8 * 1024 * 1024 + 1), r"f\.yaml: is larger than 8388608 bytes"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        list(events(text, "f.yaml", "too deep"))
