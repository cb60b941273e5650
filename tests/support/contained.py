"""Processes in cgroups that look like a container's, for a daemon that describes what it likes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accredit.attestation.caller import KernelCaller, identify
from accredit.attestation.cgroups.container import Container, container_of
from accredit.attestation.cgroups.membership import parse_memberships
from support.calling import Child, calling
from support.cgroup import cgroup, entering


class Contained:
    """A connected process in a cgroup, as a container of its own first process."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.pid = child.process.pid
        self.caller: KernelCaller = identify(child.sock)

    @property
    def container(self) -> Container:
        content = Path(f"/proc/{self.pid}/cgroup").read_bytes()
        found = container_of(parse_memberships(content))
        assert found is not None
        return found


@contextmanager
def contained(name: str, user: int | None = None) -> Iterator[Contained]:
    """Run one in a cgroup that ``user`` made in a delegated one, or root."""
    with cgroup("delegated" if user else name) as outer:
        folder = outer
        if user:
            folder = outer / name
            folder.mkdir()
            for path in (outer, folder):
                os.chown(path, user, user)
        try:
            with calling(*entering(folder)) as child:
                yield Contained(child)
                child.end()
        finally:
            if user:
                folder.rmdir()
