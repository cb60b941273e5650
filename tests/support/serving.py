"""Services behind the real listener and the real transport, in this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from accredit.agent.client import WorkloadApiClient
from accredit.agent.limits import Limits
from accredit.agent.listener import Listener
from accredit.agent.transport import GrpcTransport
from accredit.attestation.attestor import WorkloadAttestor
from accredit.attestation.unix import UnixAttestor, UnixSettings
from accredit.authority.entry import Entry
from accredit.identity.clock import Clock
from accredit.rotation.delivery import Service
from accredit.workload_api.endpoint import UnixEndpoint
from support.clock import FakeClock
from support.running import running
from support.workload_api import WorkloadApiBench

_LIMITS = Limits()
ME = f"unix:uid:{os.geteuid()}"


@asynccontextmanager
async def serving(
    path: Path,
    clock: Clock,
    *services: Service,
    attestors: Sequence[WorkloadAttestor] = (),
    limits: Limits = _LIMITS,
) -> AsyncIterator[Listener]:
    """Serve on ``path`` meanwhile; callers are attested by what the kernel says of them."""
    transport = GrpcTransport(services, limits, path.parent / "private")
    asked = [UnixAttestor(UnixSettings(), clock), *attestors]
    listener = Listener(path, transport, asked, limits, clock)
    async with running(listener):
        async with asyncio.timeout(30):
            await listener.ready.wait()
        yield listener


class ServedWorkloadApi(WorkloadApiBench):
    """The Workload API at ``path`` while ``serving``, and our own client, who waits for nothing."""

    def __init__(self, folder: Path, *entries: Entry, **how: Any) -> None:
        super().__init__(*entries, **how)
        self.path = folder / "api.sock"
        self.client = WorkloadApiClient(UnixEndpoint(str(self.path)), FakeClock(jumps=True))

    @asynccontextmanager
    async def serving(self, *more: Service, **how: Any) -> AsyncIterator[Listener]:
        async with (
            running(self.identities),
            serving(self.path, self.clock, self.service, *more, **how) as listener,
        ):
            yield listener
