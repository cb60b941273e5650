"""From an id that a cgroup claims to the container its daemon runs, proven to be the same."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from accredit.attestation.cgroups.container import Container
from accredit.attestation.containers.engine import Engine
from accredit.attestation.containers.inspected import Inspected, Run
from accredit.attestation.containers.known import Known, KnownContainers, hold
from accredit.identity.clock import Clock
from accredit.identity.errors import UnavailableError


class Inspection:
    """Asks one daemon, once for all callers of a container that come at the same time."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._known = KnownContainers(clock)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def of(self, container: Container) -> Inspected:
        """Return what the daemon says of ``container``, in whose cgroups the caller was found.

        Raises:
            NotFoundError: the daemon has none of that id.
            AttestationError: it runs in other cgroups, or the daemon is another user's.
            UnavailableError: the daemon does not tell, or the container starts or ends just now.
        """
        turn = self._turns.setdefault(container.id, asyncio.Lock())
        async with turn:
            known = self._known.find(container.id)
            if known is None:
                known = await self._look(container.id)
                self._known.keep(container.id, known)
        known.require_holds(container.id, container.folders)
        return known.inspected

    async def _look(self, container_id: str) -> Known:
        run = self._running(await self._engine.inspect(container_id))
        first = hold(run.pid)
        # Asked again now that the process is held: if the daemon still names the same run, it
        # was the container's when it was taken hold of, and not one that got its pid.
        again = await self._engine.inspect(container_id)
        if self._running(again) != run or not first.lives:
            raise UnavailableError(f"container {container_id} has just been restarted")
        return Known(again, first)

    def _running(self, inspected: Inspected) -> Run:
        if inspected.run is None:
            raise UnavailableError(
                f"{self._engine.runtime}: container {inspected.id} does not run (yet)"
            )
        return inspected.run
