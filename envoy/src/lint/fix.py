"""Cures written into the text, until nothing mechanical is left."""

from __future__ import annotations

from dataclasses import dataclass

from accredit.envoy.lint.change import changed
from accredit.envoy.lint.composer import compose
from accredit.envoy.lint.lint import Finding, findings

_MAX_ROUNDS = 100
_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Fixed:
    """The text with its cures, what they cured, and what is left for people."""

    text: str
    cured: tuple[Finding, ...]
    left: tuple[Finding, ...]


def fix(text: str, file: str) -> Fixed:
    """Cure what can be cured by setting a value; comments and layout stay.

    Each change is read back, and kept only if it changed what it should and nothing else. Fixing
    the result again changes nothing.

    Raises:
        ConfigError: the text cannot be read.
    """
    # libyaml does not count the mark, and would be one character off.
    mark = _MARK if text.startswith(_MARK) else ""
    text = text.removeprefix(mark)
    root = compose(text, file)
    first = left = findings(root, file)
    for _ in range(_MAX_ROUNDS):
        edits = [each.edit for each in left if each.edit is not None]
        after = changed(text, root, edits)
        if after == text:
            break
        text, root = after, compose(after, file)
        left = findings(root, file)
    remaining = {(each.rule.id, each.path) for each in left}
    cured = tuple(each for each in first if (each.rule.id, each.path) not in remaining)
    return Fixed(mark + text, cured, tuple(left))
