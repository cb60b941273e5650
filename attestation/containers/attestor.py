"""The ``docker`` attestor: containers of Docker and of root's Podman, with SPIRE's selectors.

Three checks stand between a cgroup's name and a selector: only root can have made the directories
that lead to it, the daemon describes a running container of exactly that id, and that container's
own process is in the same directory. See docs/attestation.md for what each of them stops.
"""

from __future__ import annotations

from collections.abc import Mapping

from accredit.attestation.caller import KernelCaller
from accredit.attestation.cgroups.locate import Located, Locator, of_a_user
from accredit.attestation.containers.engine import Engine
from accredit.attestation.containers.inspected import selectors_of
from accredit.attestation.containers.inspection import Inspection
from accredit.attestation.containers.runtime import Runtime, Runtimes, is_podmans
from accredit.attestation.evidence import Evidence
from accredit.identity.clock import Clock
from accredit.identity.errors import AttestationError, NotFoundError

_NOTHING = Evidence(frozenset())
_ROOT = 0


class ContainerAttestor:
    """Vouches for what Docker and Podman say of the container a caller runs in."""

    name = "docker"

    def __init__(self, runtimes: Runtimes, clock: Clock, locator: Locator | None = None) -> None:
        self._runtimes = runtimes
        self._locator = locator or Locator()
        asked = (runtimes.docker, runtimes.podman)
        self._inspections: Mapping[Runtime, Inspection] = {
            runtime: Inspection(Engine(runtime), clock) for runtime in asked if runtime is not None
        }

    async def attest(self, caller: KernelCaller) -> Evidence:
        """Return the selectors of the caller's container; none for a process of the host."""
        with caller.opened() as process:
            located = self._locator.locate(process)
        runtime = self._runtime(located) if located is not None else None
        if located is None or runtime is None:
            return _NOTHING
        try:
            found = await self._inspections[runtime].of(located.container)
        except NotFoundError as error:
            if located.container.pod_uid is not None:
                return _NOTHING  # containerd's or CRI-O's, on a node that has this daemon as well
            raise AttestationError(str(error)) from error
        return Evidence(selectors_of(self.name, found.values(env=runtime.env)))

    def _runtime(self, located: Located) -> Runtime | None:
        folder = min(located.container.folders.values())
        if located.owner == _ROOT:
            return self._runtimes.of(folder)
        if is_podmans(folder) and self._runtimes.users is not None:
            return None  # another attestor's
        raise AttestationError(of_a_user(located))
