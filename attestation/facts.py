"""What the kernel tells of a process, raw: for people who wonder where selectors come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from accredit.attestation.caller import KernelCaller
from accredit.attestation.proc import parse_inner_pids, parse_parent
from accredit.attestation.process import Process

_NAMESPACES = ("pid", "user", "mnt", "net", "cgroup")


@dataclass(frozen=True, slots=True)
class Facts:
    """One process. ``name``, ``executable`` and ``cgroup`` may hold what the process chose.

    ``uids`` and ``gids`` are the real, effective, saved and file system ones; ``pids`` those in our
    pid namespace and each one below; ``executable`` is None where we may not see it.
    ``namespaces`` tells of each kind whether it is ``own``, that is ours, ``another`` or
    ``unknown``.
    """

    pid: int
    parent: int
    name: str
    pids: tuple[int, ...]
    uids: tuple[int, ...]
    gids: tuple[int, ...]
    groups: tuple[int, ...]
    executable: str | None
    namespaces: Mapping[str, str]
    cgroup: tuple[str, ...]


def facts_of(caller: KernelCaller) -> Facts:
    """Return them.

    Raises:
        AttestationError: it has exited or changed.
        UnavailableError: this process is out of file descriptors or memory.
    """
    with caller.opened() as process:
        ids, status = process.ids(), process.read("status")
        return Facts(
            pid=process.pid,
            parent=parse_parent(process.read("stat")),
            name=_text(process.read("comm")).removesuffix("\n"),
            pids=parse_inner_pids(status),
            uids=ids.uids,
            gids=ids.gids,
            groups=ids.groups,
            executable=_executable(process),
            namespaces={kind: _namespace(process, kind) for kind in _NAMESPACES},
            cgroup=tuple(_text(process.read("cgroup")).splitlines()),
        )


def _executable(process: Process) -> str | None:
    try:
        return _text(process.executable_link())
    except PermissionError:
        return None


def _namespace(process: Process, kind: str) -> str:
    try:
        found = process.namespace(kind)
    except PermissionError:
        return "unknown"
    ours = Path(f"/proc/self/ns/{kind}").stat()
    return "own" if found == (ours.st_dev, ours.st_ino) else "another"


def _text(raw: bytes) -> str:
    return os.fsdecode(raw).encode(errors="backslashreplace").decode()
