"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from accredit.envoy.lint.bootstrap import Bootstrap
from accredit.envoy.lint.edit import Edit
from accredit.envoy.lint.place import Place


class Severity(StrEnum):
    """An error lets strangers in or takes the sidecar down; a warning is the lesser harm."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Found:
    """A trap at ``place``: what is wrong, and the change that cures it where it is mechanical."""

    place: Place
    what: str
    edit: Edit | None = None


Check: TypeAlias = Callable[[Bootstrap], Iterable[Found]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One trap: ``summary`` says what Envoy does, ``cure`` what to do about it."""

    id: str
    severity: Severity
    summary: str
    cure: str
    check: Check


def error(id_: str, summary: str, cure: str, check: Check) -> Rule:
    """Return a rule for what lets strangers in or takes the sidecar down."""
    return Rule(id_, Severity.ERROR, summary, cure, check)


def warning(id_: str, summary: str, cure: str, check: Check) -> Rule:
    """Return a rule for what harms less."""
    return Rule(id_, Severity.WARNING, summary, cure, check)
