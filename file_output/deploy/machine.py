"""From a new set of files to a program that serves it, or back: decisions only. Pure.

::

    WRITE ─> VALIDATE ─> RELOAD ─> VERIFY ─> IDLE
      │          │          └──────────┴──> RETURN ─> RELOAD_AGAIN ─> VERIFY_AGAIN ─> WAIT
      │          └──> RETURN ─> WAIT
      └──> WAIT                                            WAIT ─> WRITE, when due

The files are switched before they are validated, since programs read a configuration that names
them. Before a program was told, going back needs no reload. Newest wins: a set offered meanwhile
is tried as soon as the present attempt has ended, one way or the other, and without a wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """What is to be done now."""

    IDLE = "idle"
    WRITE = "write"
    VALIDATE = "validate"
    RELOAD = "reload"
    VERIFY = "verify"
    RETURN = "roll back"
    RELOAD_AGAIN = "reload again"
    VERIFY_AGAIN = "verify again"
    WAIT = "wait"

    @property
    def rests(self) -> bool:
        """Whether there is nothing to do before something comes from outside."""
        return self in {Step.IDLE, Step.WAIT}

    @property
    def goes_back(self) -> bool:
        """Whether this is part of going back to the set before."""
        return self in {Step.RETURN, Step.RELOAD_AGAIN, Step.VERIFY_AGAIN}


_AFTER = {
    Step.WRITE: Step.VALIDATE,
    Step.VALIDATE: Step.RELOAD,
    Step.RELOAD: Step.VERIFY,
    Step.RELOAD_AGAIN: Step.VERIFY_AGAIN,
}


@dataclass(slots=True)
class Deployment:
    """One output's; sets are named by their versions.

    ``good`` went all the way, or was on disk at the start. ``failures`` counts attempts in a row.
    """

    good: str = ""
    wanted: str = ""
    trying: str = ""
    step: Step = Step.IDLE
    failures: int = 0
    _was_told: bool = False

    def offer(self, version: str) -> None:
        """Make this the newest set."""
        if version == self.wanted:
            return
        self.wanted = version
        if self.step.rests:
            self._start()

    def due(self) -> None:
        """End a wait."""
        if self.step is Step.WAIT:
            self._start()

    def done(self) -> None:
        """Go on after a step that succeeded."""
        match self.step:
            case Step.VERIFY:
                self.good, self.failures = self.trying, 0
                self._rest(Step.IDLE)
            case Step.RETURN if self._was_told:
                self.step = Step.RELOAD_AGAIN
            case Step.RETURN | Step.VERIFY_AGAIN:
                self._rest(Step.WAIT)
            case _:
                self.step = _AFTER[self.step]
                self._was_told = self._was_told or self.step is Step.RELOAD

    def failed(self, *, may_return: bool) -> None:
        """Go on after a step that failed.

        With ``may_return`` false, since the set before is of no use any more, the new one stays.
        Nor is there a way back from the first set, or from the one that was there already.
        """
        if self.step.goes_back:
            self._rest(Step.WAIT)
            return
        self.failures += 1
        written = self.step is not Step.WRITE
        if written and may_return and self.good not in {"", self.trying}:
            self.step = Step.RETURN
        else:
            self._rest(Step.WAIT)

    def _start(self) -> None:
        self.trying, self.step, self._was_told = self.wanted, Step.WRITE, False

    def _rest(self, step: Step) -> None:
        if self.wanted != self.trying:
            self._start()
        else:
            self.step = step
