"""What ``/proc`` says another process holds and has used."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_LISTENS = "00010000"  # __SO_ACCEPTCON among the flags in /proc/net/unix


def open_files(pid: int) -> dict[str, str]:
    """Return what each of its descriptors is open on, such as ``socket:[4711]``."""
    found: dict[str, str] = {}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found[link.name] = str(link.readlink())
    return found


def unix_sockets(pid: int) -> list[tuple[str, bool]]:
    """Return the names of its Unix sockets, and whether they listen."""
    files = set(open_files(pid).values())
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return [
        ("".join(line[7:]), line[3] == _LISTENS) for line in lines if f"socket:[{line[6]}]" in files
    ]


def memory(pid: int) -> int:
    """Return how many bytes of it are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def processor_seconds(pid: int) -> float:
    """Return how long its threads have run."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
