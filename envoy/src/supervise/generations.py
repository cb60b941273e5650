"""Which Envoy process serves, which is to follow it and which is on its way out. Pure.

Envoy's hot restart dictates the rules. A follower needs a parent that has finished its own start
and has no parent of its own left, so there are two processes at most. From a follower's start on
its parent has no admin interface any more, and never gets it back. A follower takes over once
all it needs is there; it alone decides when. Until then it can be killed, and the parent serves.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bootstrap that is fit to run: from now on this one is to serve."""

    text: str


@dataclass(frozen=True, slots=True)
class TookOver:
    """The process of ``epoch`` accepts connections, and its parent no more."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Exited:
    """The process of ``epoch`` is gone; ``reason`` is how."""

    epoch: int
    reason: str


@dataclass(frozen=True, slots=True)
class Overdue:
    """The process of ``epoch`` should have ended by itself long ago."""

    epoch: int


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Somebody wants us to end; asked twice: at once."""


Event = Wanted | TookOver | Exited | Overdue | StopAsked


@dataclass(frozen=True, slots=True)
class Start:
    """Start a process; with an ``epoch`` above 0 it follows the one that serves."""

    epoch: int
    text: str


@dataclass(frozen=True, slots=True)
class Discard:
    """Kill a follower, unless it has taken over in this moment."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Repair:
    """Make Envoy forget a follower that ended during its start, or it accepts no other."""


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Tell that the follower is not to be; the old one serves. ``again`` restores its admin."""

    reason: str
    again: bool


@dataclass(frozen=True, slots=True)
class Retire:
    """The process ends by itself, when the one that took over tells it; Overdue if not."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Drain:
    """Let the process end, losing nothing."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Kill:
    """End the process at once."""

    epoch: int


@dataclass(frozen=True, slots=True)
class End:
    """Nothing is left to do; a ``reason`` makes it a failure."""

    reason: str = ""


Action = Start | Discard | Repair | GaveUp | Retire | Drain | Kill
Command = Action | End


@dataclass(frozen=True, slots=True)
class _Process:
    epoch: int
    text: str


class Generations:
    """Turns events into commands. A new process starts only after the one before it is gone."""

    def __init__(self) -> None:
        self._serving: _Process | None = None
        self._follower: _Process | None = None
        self._old: _Process | None = None
        self._next: str | None = None
        self._discarded = False
        self._mute = False
        self._stopping = False

    @property
    def serving(self) -> int | None:
        """The epoch of the process that accepts connections."""
        return None if self._serving is None else self._serving.epoch

    def handle(self, event: Event) -> list[Command]:
        """Return what to do about ``event``, in this order."""
        match event:
            case Wanted(text):
                return [] if self._stopping else self._want(text)
            case TookOver(epoch):
                return self._take_over(epoch)
            case Exited(epoch, reason):
                return self._exited(epoch, reason)
            case Overdue(epoch):
                return [Kill(epoch)] if _is(self._old, epoch) else []
            case StopAsked():
                return self._stop()

    def _want(self, text: str) -> list[Command]:
        if self._follower is not None:
            return self._want_instead(self._follower, text)
        if self._old is not None:
            self._next = text
            return []
        if _has(self._serving, text) and not self._mute:
            return []
        return self._start(text)

    def _want_instead(self, follower: _Process, text: str) -> list[Command]:
        if self._discarded:
            self._next = text
            return []
        if follower.text == text:
            self._next = None
            return []
        self._next = text
        self._discarded = True
        return [Discard(follower.epoch)]

    def _start(self, text: str) -> list[Command]:
        self._next = None
        self._discarded = False
        epoch = 0 if self._serving is None else self._serving.epoch + 1
        self._follower = _Process(epoch, text)
        return [Start(epoch, text)]

    def _take_over(self, epoch: int) -> list[Command]:
        if not _is(self._follower, epoch):
            return []
        self._old, self._serving, self._follower = self._serving, self._follower, None
        self._mute = self._discarded = False
        if self._stopping:
            return [Drain(epoch)]
        return self._continue() if self._old is None else [Retire(self._old.epoch)]

    def _exited(self, epoch: int, reason: str) -> list[Command]:
        if _is(self._old, epoch):
            self._old = None
            return [] if self._stopping else self._continue()
        if _is(self._serving, epoch):
            self._serving = None
            return [*self._kill_all(), End("" if self._stopping else reason)]
        if self._follower is not None and self._follower.epoch == epoch:
            follower, self._follower = self._follower, None
            return self._follower_exited(follower, reason)
        return []

    def _continue(self) -> list[Command]:
        text, self._next = self._next, None
        return [] if text is None else self._want(text)

    def _follower_exited(self, follower: _Process, reason: str) -> list[Command]:
        if self._serving is None:
            if self._stopping:
                return [End()]
            return self._start(self._next) if self._next is not None else [End(reason)]
        self._mute = True
        if self._stopping:
            return [Repair(), Drain(self._serving.epoch)]
        if self._next is not None:
            return [Repair(), *self._start(self._next)]
        again = follower.text != self._serving.text
        restore = self._start(self._serving.text) if again else []
        return [Repair(), GaveUp(reason, again), *restore]

    def _stop(self) -> list[Command]:
        if self._stopping:
            return self._kill_all()
        self._stopping, self._next = True, None
        if self._follower is not None:
            self._discarded = True
            return [Discard(self._follower.epoch)]
        return [End()] if self._serving is None else [Drain(self._serving.epoch)]

    def _kill_all(self) -> list[Command]:
        alive = (self._follower, self._serving, self._old)
        return [Kill(each.epoch) for each in alive if each is not None]


def _is(process: _Process | None, epoch: int) -> bool:
    return process is not None and process.epoch == epoch


def _has(process: _Process | None, text: str) -> bool:
    return process is not None and process.text == text
