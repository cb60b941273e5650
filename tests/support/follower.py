"""A stream's consumer that keeps all it was given."""

from __future__ import annotations

from contextlib import aclosing

from accredit.attestation.workload import Workload
from accredit.identity.errors import AccreditError
from accredit.rotation.identities import Identities
from accredit.rotation.snapshot import Snapshot


class Follower:
    """Run it as a component; ``seen`` are the snapshots in order, ``error`` is how it ended."""

    def __init__(self, identities: Identities, workload: Workload) -> None:
        self.seen: list[Snapshot] = []
        self.error: AccreditError | None = None
        self._identities = identities
        self._workload = workload

    async def run(self) -> None:
        try:
            async with aclosing(self._identities.watch(self._workload)) as snapshots:
                async for snapshot in snapshots:
                    await self.take(snapshot)
        except AccreditError as error:
            self.error = error

    async def take(self, snapshot: Snapshot) -> None:
        self.seen.append(snapshot)

    @property
    def last(self) -> Snapshot:
        return self.seen[-1]

    @property
    def paths(self) -> list[str]:
        """The paths of the SPIFFE IDs it has just now, in order."""
        return [identity.spiffe_id.path for identity in self.last.identities]

    @property
    def serials(self) -> list[str]:
        return [identity.svid.serial for identity in self.last.identities]
