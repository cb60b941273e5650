"""Names of header fields that programs behind this Envoy may take for one another."""

from __future__ import annotations

from itertools import product


def spellings(name: str) -> list[str]:
    """Return ``name`` and all that CGI and WSGI read as the same: ``_`` for any ``-``."""
    first, *rest = name.split("-")
    return [
        first + "".join(mark + word for mark, word in zip(marks, rest, strict=True))
        for marks in product("-_", repeat=len(rest))
    ]
