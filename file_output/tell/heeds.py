"""What becomes of a signal to a process, seen in its ``/proc/PID/status``. Pure."""

from __future__ import annotations

import re
import signal

_MASK = re.compile(rb"^Sig(Blk|Cgt):\s*([0-9a-f]+)$", re.MULTILINE)


def handles(status: bytes, number: signal.Signals) -> bool:
    """Tell whether it has a handler, or holds the signal back for one."""
    return bool(_bits(status, number))


def handles_now(status: bytes, number: signal.Signals) -> bool:
    """Tell whether its handler would run at once; a program in the middle of a reload says no."""
    return _bits(status, number) == {b"Cgt"}


def _bits(status: bytes, number: signal.Signals) -> set[bytes]:
    bit = 1 << (number - 1)
    return {name for name, mask in _MASK.findall(status) if int(mask, 16) & bit}
