"""The delivery ledger: what every connected Envoy asked for, was sent, and said of it.

For people: ``accredit status`` and the administration socket. Its size is bounded by what is
connected: a line lives as long as a stream that names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from accredit.attestation.workload import Workload
from accredit.identity.clock import Clock
from accredit.sds_server.peer import Peer
from accredit.sds_server.record import Counters, Totals
from accredit.sds_server.settings import SdsSettings


@dataclass(slots=True)
class Ledger:
    """All connections with an open SDS stream, and totals."""

    clock: Clock
    settings: SdsSettings = field(default_factory=SdsSettings)
    totals: Totals = field(default_factory=Totals)
    _peers: dict[int, Peer] = field(default_factory=dict)

    @property
    def counters(self) -> Counters:
        """Totals since the start."""
        return self.totals.counters

    @property
    def connections(self) -> int:
        """How many connections have an open stream."""
        return len(self._peers)

    @contextmanager
    def stream(self, workload: Workload) -> Iterator[Peer]:
        """Lend one of the connection's streams the peer they all share."""
        peer = self._peers.get(id(workload))
        if peer is None:
            # It holds the workload, so that no other can get that id while it is a key here.
            peer = self._peers[id(workload)] = Peer(
                workload,
                self.clock,
                self.totals,
                self.settings.withdrawn,
                self.settings.max_audiences,
            )
        peer.streams += 1
        try:
            yield peer
        finally:
            peer.streams -= 1
            if not peer.streams:
                del self._peers[id(workload)]

    def describe(self) -> dict[str, object]:
        """Return everything as plain data, for JSON."""
        return {
            **self.totals.describe(),
            "connections": [peer.describe() for peer in self._peers.values()],
        }
