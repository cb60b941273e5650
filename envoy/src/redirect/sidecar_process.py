"""The running sidecar, so that it is not caught by the rules that feed it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from accredit.envoy.redirect.programs import Programs

_CREDENTIALS = struct.Struct("=iII")
_SECONDS = 5


@dataclass(frozen=True, slots=True)
class SidecarProcess:
    """Its uid, and its cgroup below the root of cgroup v2 as far as that can be seen."""

    uid: int
    cgroup: str | None


def find(admin_socket: str) -> SidecarProcess | None:
    """Return who listens on the sidecar's admin socket; None while nobody does."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_SECONDS)
            client.connect(admin_socket)
            raw = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except (OSError, ValueError):
        return None
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    return SidecarProcess(uid, _cgroup(pid))


def caught_by(process: SidecarProcess, programs: Programs) -> Iterator[str]:
    """Yield which of the programs' marks the sidecar bears as well."""
    for user in programs.users:
        if user.uid == process.uid:
            yield f"user {user.name}"
    for cgroup in programs.cgroups:
        if process.cgroup is not None and f"{process.cgroup}/".startswith(f"{cgroup.path}/"):
            yield f"cgroup {cgroup.path}"


def _cgroup(pid: int) -> str | None:
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return None
    found = (line.removeprefix("0::") for line in lines if line.startswith("0::"))
    return next(found, "").strip("/") or None
