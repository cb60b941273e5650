"""A translation of spiffe-helper's configuration as a file for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import yaml

from accredit.agent.helper_translation import Note, Translation

_WIDTH = 100


def as_yaml(found: Translation) -> str:
    """Return the document, with what is not the same as comments above it."""
    comments = [line for note in found.notes for line in _comment(note)]
    head = ["# Was spiffe-helper's; run: accredit file watch -c FILE", *comments]
    text = yaml.safe_dump(found.document, sort_keys=False, width=_WIDTH, allow_unicode=True)
    return "\n".join(head) + "\n" + text


def _comment(note: Note) -> Iterator[str]:
    text = f"{note.key}: {'NOT TRANSLATED: ' if note.lost else ''}{note.text}"
    safe = "".join(each if each.isprintable() else "?" for each in text)
    return iter(textwrap.wrap(safe, _WIDTH, initial_indent="# - ", subsequent_indent="#   "))
