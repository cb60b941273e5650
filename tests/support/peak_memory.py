"""The most memory this process has had at a time."""

from __future__ import annotations

import re
from pathlib import Path

_RESET_PEAK = "5"  # proc(5), clear_refs


def fresh_peak() -> int:
    """Forget the peak of before; return the new one, in KiB."""
    Path("/proc/self/clear_refs").write_text(_RESET_PEAK, encoding="ascii")
    return peak()


def peak() -> int:
    """Return the most resident memory since, in KiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    assert found is not None
    return int(found[1])
