"""Bootstraps in tests/envoy/lint: bad ones, good ones, and ones that can be fixed.

Comments on top say what is to be found: ``# expect: RULE PATH`` in bad ones, ``# left: RULE PATH``
after a fix; and what Envoy does, ``# envoy: accepts``, ``refuses: WHY`` or ``crashes``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "envoy/lint"
_SAID = re.compile(r"^# (expect|left|envoy): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Sample:
    """One bootstrap and what its first lines say about it."""

    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text()

    def said(self, word: str) -> list[str]:
        return [value for name, value in _SAID.findall(self.text) if name == word]

    def findings(self, word: str) -> list[tuple[str, ...]]:
        return sorted(tuple(value.split(" ", 1)) for value in self.said(word))

    @property
    def verdict(self) -> str:
        return (self.said("envoy") or ["accepts"])[0]

    def __str__(self) -> str:
        return self.path.stem


def _samples(kind: str) -> list[Sample]:
    return [Sample(path) for path in sorted((FOLDER / kind).iterdir())]


BAD, GOOD, FIXABLE = _samples("bad"), _samples("good"), _samples("fixable")


def camelled(value: Any) -> Any:
    """Return a message with the JSON names of its fields."""
    if isinstance(value, list):
        return [camelled(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {_camel(str(name)): camelled(each) for name, each in value.items()}


def _camel(name: str) -> str:
    if not name.replace("_", "").isalnum():
        return name
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
