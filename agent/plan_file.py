"""The file somebody plans with: a configuration with its entries, or a file of entries alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accredit.authority.trusted_text import read_trusted
from accredit.identity.durations import format_duration
from accredit.identity.yaml_lines import load


def documents(path: Path) -> dict[str, Any]:
    """Return what the running agent has to know of it, as its admin socket takes it.

    Raises:
        ConfigError: it cannot be read, or is a configuration with mistakes.
    """
    text = read_trusted(path)
    data, _ = load(text, str(path))
    if not isinstance(data, dict) or "trust_domain" not in data:
        return {"documents": [[str(path), text]]}
    # An entries file needs no pydantic.
    from accredit.agent.config import load_config  # noqa: PLC0415

    files = load_config(path).plan(path).entry_files
    return {
        "config": str(path.absolute()),
        "trust_domain": str(files.trust_domain),
        "ttl": format_duration(files.defaults.x509_ttl),
        "jwt_ttl": format_duration(files.defaults.jwt_ttl),
        "documents": [[str(each), read_trusted(each)] for each in files.paths()],
    }
