"""What is known of each output: for ``accredit status``, metrics and the log. Nothing is secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum

from accredit.file_output.deploy.machine import Step
from accredit.file_output.fileset import FileSet
from accredit.identity.moment import rfc3339


def _nobody() -> None:
    """Tell nobody: the ledger is looked at when somebody asks."""


class State(StrEnum):
    """Where one output stands."""

    WAITING = "waiting"
    DEPLOYING = "deploying"
    SERVED = "served"
    FAILING = "failing"


@dataclass(slots=True)
class Line:
    """One output.

    ``version``, ``serial`` and ``not_after`` are of the last set that went all the way; ``wanted``
    is the version of the newest. ``on_disk`` is what readers find. While FAILING, ``rolled_back``
    says that the old set was put back, and ``confirmed`` that the program was seen to serve it.
    ``drift`` is what was put right at the last write, ``left_out`` files that could not be made,
    ``stale`` those that hold what an earlier set held, ``lacking`` why nothing newer could be made
    at all. ``changed`` is called after each step.
    """

    name: str
    state: State = State.WAITING
    since: datetime | None = None
    step: Step = Step.IDLE
    version: str = ""
    serial: str = ""
    not_after: datetime | None = None
    expired: bool = False
    wanted: str = ""
    on_disk: str = ""
    rolled_back: bool = False
    confirmed: bool = False
    attempts: int = 0
    next_try: datetime | None = None
    last_error: str = ""
    last_error_step: str = ""
    last_error_at: datetime | None = None
    last_write: datetime | None = None
    last_reload: datetime | None = None
    last_verify: datetime | None = None
    drift: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    lacking: str = ""
    deployments: int = 0
    failures: int = 0
    rollbacks: int = 0
    changed: Callable[[], None] = field(default=_nobody, repr=False, compare=False)

    def begins(self, now: datetime) -> None:
        """Note an attempt; what fails goes on failing until it is served."""
        if self.state is not State.FAILING:
            self._enter(State.DEPLOYING, now)
        self.next_try, self.rolled_back, self.confirmed = None, False, False
        self.changed()

    def done(self, step: Step, now: datetime) -> None:
        """Note a step that succeeded."""
        match step:
            case Step.WRITE:
                self.last_write, self.on_disk = now, self.wanted
            case Step.RELOAD | Step.RELOAD_AGAIN:
                self.last_reload = now
            case Step.VERIFY:
                self.last_verify = now
            case Step.VERIFY_AGAIN:
                self.last_verify, self.confirmed = now, True
            case Step.RETURN:
                self.on_disk, self.rolled_back = self.version, True
                self.rollbacks += 1
            case _:
                pass
        self.changed()

    def served(self, files: FileSet, now: datetime) -> None:
        """Note that this set went all the way."""
        self._enter(State.SERVED, now)
        self.version, self.serial, self.not_after = files.version, files.serial, files.not_after
        self.expired, self.attempts, self.deployments = False, 0, self.deployments + 1
        self.last_error, self.last_error_step, self.last_error_at = "", "", None
        self.changed()

    def failed(self, step: Step, reason: str, now: datetime) -> None:
        """Note a step that failed; why a return failed stands behind why it came to it."""
        self._enter(State.FAILING, now)
        self.failures += 1
        if step.goes_back and self.last_error:
            reason = f"{self.last_error}; then, {step}: {reason}"
        else:
            self.last_error_step = str(step)
        self.last_error, self.last_error_at = reason, now
        self.changed()

    def describe(self) -> dict[str, object]:
        """Return the line as plain data."""
        names = [each.name for each in fields(self) if each.name != "changed"]
        return {name: _plain(getattr(self, name)) for name in names}

    def _enter(self, state: State, now: datetime) -> None:
        if self.state is not state:
            self.state, self.since = state, now


@dataclass(slots=True)
class Ledger:
    """All outputs, by name."""

    lines: dict[str, Line] = field(default_factory=dict)

    def line(self, name: str) -> Line:
        """Return the line of that output, new if need be."""
        return self.lines.setdefault(name, Line(name))

    def forget(self, name: str) -> None:
        """Drop the line of an output that is no longer configured."""
        self.lines.pop(name, None)

    def describe(self) -> Mapping[str, object]:
        """Return everything as plain data, for JSON."""
        return {"outputs": [line.describe() for line in self.lines.values()]}


def _plain(value: object) -> object:
    match value:
        case datetime():
            return rfc3339(value)
        case tuple():
            return list(value)
        case _:
            return value
