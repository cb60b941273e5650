"""A kernel timer on the wall clock that also fires when the clock is set, timerfd_create(2).

Python has ``os.timerfd_create`` from 3.13 on; this is the same through ctypes.
"""

from __future__ import annotations

import ctypes
import errno
import os
from datetime import UTC, datetime, timedelta
from typing import Protocol

_CLOCK_REALTIME = 0
_ABSOLUTE = 1
_CANCEL_ON_SET = 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_libc = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    # time_t is a long wherever glibc or musl has timerfd_settime under this name.
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Timer(Protocol):
    """A descriptor that becomes readable at a wall-clock time."""

    def fileno(self) -> int:
        """Return the descriptor to watch for reading."""
        ...

    def arm(self, when: datetime) -> bool:
        """Fire at ``when``; False if the clock was set meanwhile and nobody was told yet."""
        ...

    def read(self) -> bool:
        """Take what fired; False if the clock was set, which unsettles every waiting time."""
        ...

    def close(self) -> None:
        """Give the descriptor back."""
        ...


class TimerFd:
    """The kernel's timer. A resume from suspend counts as setting the clock."""

    def __init__(self) -> None:
        # Its flags have the values of these two.
        self._fd = _checked(_libc.timerfd_create(_CLOCK_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC))

    def fileno(self) -> int:
        """Return the descriptor to watch for reading."""
        return self._fd

    def arm(self, when: datetime) -> bool:
        """Fire at ``when``; False if the clock was set meanwhile and nobody was told yet."""
        # Zero would disarm it.
        seconds, rest = divmod(max(when - _EPOCH, timedelta(microseconds=1)), _SECOND)
        spec = _Itimerspec(value=_Timespec(seconds, rest.microseconds * 1000))
        flags = _ABSOLUTE | _CANCEL_ON_SET
        try:
            _checked(_libc.timerfd_settime(self._fd, flags, ctypes.byref(spec), None))
        except OSError as error:
            return _not_set(error)
        return True

    def read(self) -> bool:
        """Take what fired; False if the clock was set."""
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            pass
        except OSError as error:
            return _not_set(error)
        return True

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _not_set(error: OSError) -> bool:
    """Return False for the error that tells of a clock that was set; raise any other."""
    if error.errno != errno.ECANCELED:
        raise error
    return False
