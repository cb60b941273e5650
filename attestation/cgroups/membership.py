"""What ``/proc/PID/cgroup`` says: where a process stands in each hierarchy of cgroups. Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass

from accredit.identity.errors import AttestationError


@dataclass(frozen=True, slots=True)
class Membership:
    """The cgroup of a process in one hierarchy, as a path from the root of that hierarchy.

    ``hierarchy`` is empty for cgroup v2, else the controllers or the ``name=`` of a v1 hierarchy.
    A host in hybrid mode has both.
    """

    hierarchy: str
    path: str


def parse_memberships(content: bytes) -> tuple[Membership, ...]:
    """Return the memberships that ``/proc/PID/cgroup`` lists.

    Raises:
        AttestationError: this is no such file, or it was read from a cgroup namespace that does
            not hold the process.
    """
    # The kernel allows no newline in the name of a cgroup, and nothing else is escaped.
    return tuple(_parse(os.fsdecode(line)) for line in content.split(b"\n") if line)


def _parse(line: str) -> Membership:
    number, first, rest = line.partition(":")
    hierarchy, second, path = rest.partition(":")
    if not (number.isdecimal() and first and second and path.startswith("/")):
        raise AttestationError(f"{line[:100]!r} is no line of /proc/PID/cgroup")
    if path == "/.." or path.startswith("/../"):
        raise AttestationError(
            f"cgroup {path[:200]!r} is outside the cgroup namespace of this agent, so nobody can "
            "tell who made it; run the agent in the host's cgroup namespace (docker, podman: "
            "--cgroupns=host; Kubernetes: a privileged container)"
        )
    return Membership(hierarchy, path)
