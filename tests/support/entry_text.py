"""Files of entries, as text."""

from __future__ import annotations

import pytest

from accredit.authority.entry_file import EntryDefaults, parse_entries
from accredit.authority.entry_template import Declared
from accredit.identity.errors import ConfigError
from accredit.identity.spiffe_id import TrustDomain

OWN = TrustDomain("td.example")
DEFAULTS = EntryDefaults()


def parse(text: str) -> tuple[Declared, ...]:
    return parse_entries(text, "entries.yaml", OWN, DEFAULTS)


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return [str(mistake) for mistake in caught.value.mistakes]


def one(*fields: str) -> str:
    """Return a file of one entry, which has what it needs beside ``fields``."""
    given_keys = {field.partition(":")[0] for field in fields}
    basics = {"id": "/web", "selectors": '["unix:uid:1"]'}
    rest = [f"{key}: {value}" for key, value in basics.items() if key not in given_keys]
    return "entries:\n  - " + "\n    ".join([*rest, *fields]) + "\n"
