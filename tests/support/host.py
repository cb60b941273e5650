"""Where process 1 is, which for the agent is the host."""

from __future__ import annotations

from pathlib import Path

from support import needs


def on_host() -> tuple[str, ...]:
    """Return what runs a command there; nothing where process 1 may not be seen."""
    try:
        Path("/proc/1/ns/mnt").stat()
    except OSError:
        return ()
    nsenter = needs.program("nsenter", apt="util-linux")
    return (str(nsenter), "--target=1", "--mount")
