"""From a caller to the container it runs in, if its cgroups are worth believing."""

from __future__ import annotations

from typing import NamedTuple

from accredit.attestation.cgroups.container import Container, container_of
from accredit.attestation.cgroups.hierarchies import Hierarchies
from accredit.attestation.cgroups.membership import parse_memberships
from accredit.attestation.cgroups.owners import owners
from accredit.attestation.process import Process
from accredit.identity.errors import AttestationError

_ROOT = 0


class Located(NamedTuple):
    """A container, and the one user beside root who could have made its cgroups; 0 for nobody."""

    container: Container
    owner: int


class Locator:
    """Finds the container of a process from its cgroups, v1, v2 or both.

    The name of a cgroup is the word of whoever made it. Checked here is who that could be; that
    the container exists, and that the process is inside, is for its runtime to say. Nobody looks
    at mountinfo of the process: its mounts are under its own control.
    """

    def __init__(self, hierarchies: Hierarchies | None = None) -> None:
        self._hierarchies = hierarchies or Hierarchies()

    def locate(self, process: Process) -> Located | None:
        """Return the container that ``process`` runs in, made by root or by one other user.

        Returns None for a process that is in no container. Whoever wants containers of root's
        runtimes only, takes :meth:`locate_of_root`.

        Raises:
            AttestationError: its cgroups contradict each other, cannot be judged from here, or
                could have been made by several users.
            UnavailableError: they changed meanwhile.
        """
        container = container_of(parse_memberships(process.read("cgroup")))
        if container is None:
            return None
        others = dict(owners(container.folders, self._hierarchies))
        others.pop(_ROOT, None)
        if len(others) > 1:
            raise AttestationError(f"cgroups of several users: {', '.join(map(str, others))}")
        return Located(container, next(iter(others), _ROOT))

    def locate_of_root(self, process: Process) -> Container | None:
        """Return the container that ``process`` runs in, whose cgroups only root can have made.

        Raises:
            AttestationError: as for :meth:`locate`, or another user could have made them.
            UnavailableError: they changed meanwhile.
        """
        located = self.locate(process)
        if located is None:
            return None
        if located.owner != _ROOT:
            raise AttestationError(of_a_user(located))
        return located.container


def of_a_user(located: Located) -> str:
    """Return why a container proves nothing when somebody else than root made its cgroups."""
    named = min(located.container.folders.values())
    return (
        f"cgroup {named!r} names a container, but user {located.owner} owns a directory on the "
        "way to it and may have invented the name; only cgroups made by root count"
    )
