"""What ``accredit check`` warns of."""

from __future__ import annotations

from pathlib import Path

import pytest

from accredit.agent.config import parse_config
from accredit.agent.doubts import doubts

_HEAD = "trust_domain: a\ndata_dir: /d\nsocket: /s\nadmin_socket: /a\n"
_ENTRY = "entries:\n  - {id: /a, selectors: ['unix:uid:1'], default: true, hint: x}\n"
_TOO_LONG = "is more than half of authority.embedded.ca_lifetime, 30d: it will be cut short"


def found(text: str) -> list[str]:
    loaded = parse_config(_HEAD + text, Path("/f"))
    return list(doubts(loaded.config, loaded.entries))


def test_a_good_configuration_raises_none() -> None:
    assert found(_ENTRY) == []


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("", "there are no entries: nobody gets an identity"),
        (
            _ENTRY + "workload_api: {enabled: false}\nsds: {enabled: false}\n",
            "workload_api and sds are both switched off: nothing is served",
        ),
        (
            _ENTRY + "  - {id: /b, selectors: ['unix:uid:1'], default: true}\n",
            "/f:7: a second default; callers get that of /f:6",
        ),
        (
            _ENTRY + "  - {id: /b, selectors: ['unix:uid:1'], hint: x}\n",
            "/f:7: hint 'x' is also that of /f:6, which keeps it",
        ),
        (
            _ENTRY + "  - {id: /b, selectors: ['unix:path:/bin/b']}\n",
            "/f:7: unix:path:/bin/b never holds unless attestation.unix.discover_path is true",
        ),
        (_ENTRY + "ttl: 20d\n", f"/f:6: ttl 20d {_TOO_LONG}"),
    ],
)
def test_what_is_probably_not_meant_is_told_with_its_place(text: str, doubt: str) -> None:
    assert found(text) == [doubt]


def test_defaults_of_different_callers_are_no_doubt() -> None:
    assert found(_ENTRY + "  - {id: /b, selectors: ['unix:uid:2'], default: true, hint: x}\n") == []
