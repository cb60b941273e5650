"""What a client does about each event of a stream (Workload API 4.2, 4.4 and appendix A). Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Generic, TypeVar

from accredit.identity.errors import (
    AccreditError,
    ConfigError,
    NotEntitledError,
    RequestError,
    ResponseError,
    UnimplementedError,
)
from accredit.rotation.schedule import Backoff

M = TypeVar("M")
T = TypeVar("T")

_STEADY_SECONDS = 1.0


class Reaction(Enum):
    """What to do about an error that ended a call."""

    STOP = "report it, and do not try again"
    RETRY = "keep what is held, and try again with back-off"
    FORGET = "drop what is held, and try again with back-off"


def reaction(error: AccreditError) -> Reaction:
    """Return what Workload Endpoint section 6 asks of a client."""
    match error:
        case NotEntitledError():
            return Reaction.FORGET
        case RequestError() | UnimplementedError() | ConfigError():
            return Reaction.STOP
        case _:
            return Reaction.RETRY


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """The material a client holds after an event, and what was wrong with that event, if it was.

    ``material`` is None before the first message and after everything was withdrawn.
    """

    material: T | None = None
    problem: str = ""

    def received(self, message: M, read: Callable[[M], T]) -> Held[T]:
        """Take a message in place of everything held; one that breaks a rule changes nothing."""
        try:
            return Held(read(message))
        except ResponseError as error:
            return Held(self.material, str(error))

    def ended(self, error: AccreditError) -> Held[T]:
        """Take note of how a call ended."""
        kept = None if reaction(error) is Reaction.FORGET else self.material
        return Held(kept, str(error))


class Retries:
    """How long to wait between calls for one stream.

    A stream that brought a message and lasted is called again at once when it breaks (Workload API
    4.2). One that fails right away, or answers that there is nothing, waits longer each time.
    """

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._failures = 0

    def wait(self, after: Reaction, lasted: float, jitter: float) -> timedelta:
        """Return the wait after a call that ``lasted`` so many seconds since its first message."""
        steady = lasted >= _STEADY_SECONDS
        self._failures = 0 if steady else self._failures + 1
        if steady and after is Reaction.RETRY:
            return timedelta()
        return self._backoff.wait(max(self._failures, 1), jitter)
