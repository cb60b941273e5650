"""Containers as their daemon described them, each for as long as its first process lives.

Labels, variables and image of a container never change while it runs, and a restart has another
first process; so what was said once holds until that process ends. Its pidfd is what tells: the
pid may go to a stranger, and in a forged cgroup.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from accredit.attestation.cgroups.container import folders_of
from accredit.attestation.cgroups.membership import parse_memberships
from accredit.attestation.containers.inspected import Inspected
from accredit.attestation.process import OUT_OF_RESOURCES, HeldPidfd, has_exited, opened
from accredit.identity.clock import Clock
from accredit.identity.errors import AttestationError, UnavailableError

_MAX_KEPT = 256  # each holds a descriptor
_KEPT_FOR = timedelta(seconds=10)  # a container may be renamed


@dataclass(frozen=True, slots=True)
class FirstProcess:
    """The process a daemon named as the container's, held so that it cannot become another."""

    pid: int
    _pidfd: HeldPidfd = field(repr=False)

    @property
    def lives(self) -> bool:
        """Whether it has not exited."""
        return not has_exited(self._pidfd.number)

    def folders(self, container_id: str) -> Mapping[str, str]:
        """Return where its cgroups carry the name of the container.

        Raises:
            AttestationError: it has exited, or cannot be looked at.
            UnavailableError: this process is out of descriptors.
        """
        with opened(self.pid, self._pidfd.number) as process:
            return folders_of(container_id, parse_memberships(process.read("cgroup")))


def hold(pid: int) -> FirstProcess:
    """Return the process that has ``pid`` now; whether it is the container's is to be asked.

    Raises:
        UnavailableError: there is none any more, or this process is out of descriptors.
    """
    try:
        return FirstProcess(pid, HeldPidfd(os.pidfd_open(pid)))
    except OSError as error:
        if error.errno in OUT_OF_RESOURCES:
            raise UnavailableError(f"cannot look at process {pid}: {error.strerror}") from error
        raise UnavailableError(f"the container's process {pid} is gone") from error


@dataclass(frozen=True, slots=True)
class Known:
    """A container, and the first process of the one run of it that was described."""

    inspected: Inspected
    first: FirstProcess

    def require_holds(self, container_id: str, folders: Mapping[str, str]) -> None:
        """Raise AttestationError unless ``folders`` are the cgroups that the container runs in.

        Everything below them counts: a container's own service manager makes more.
        """
        theirs = self.first.folders(container_id)
        if not theirs or theirs != folders:
            raise AttestationError(
                f"the process is not in container {container_id}: its cgroup only has that name"
            )


class KnownContainers:
    """Keeps the last described ones."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[Known, datetime]] = OrderedDict()

    def find(self, key: str) -> Known | None:
        """Return what was kept, unless it is old or that run of the container has ended."""
        known, until = self._kept.get(key, (None, None))
        if known is None or until is None:
            return None
        if self._clock.now() < until and known.first.lives:
            return known
        del self._kept[key]
        return None

    def keep(self, key: str, known: Known) -> None:
        """Remember it, and forget the oldest when they are many."""
        self._kept[key] = (known, self._clock.now() + _KEPT_FOR)
        self._kept.move_to_end(key)
        if len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
