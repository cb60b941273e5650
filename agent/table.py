"""Aligned columns for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence


def render(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return ``rows`` under ``headings``, each column as wide as its widest cell."""
    cells = [headings, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Return one ``name  value`` a line, values aligned."""
    width = max((len(name) for name, _ in pairs), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}".rstrip() for name, value in pairs)


def to_json(value: object) -> str:
    """Return ``value`` as indented JSON."""
    return json.dumps(value, indent=2)
