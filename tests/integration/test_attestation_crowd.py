"""A thousand callers in one moment, over the socket, while what is asked about them hangs."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import pytest
from support.clock import FakeClock
from support.entries import entry
from support.eventually import eventually
from support.serving import ME, ServedWorkloadApi

from accredit.agent.client import X509_CONTEXT, WorkloadApiClient
from accredit.agent.limits import Limits
from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence
from accredit.attestation.turns import InTurns
from accredit.workload_api.endpoint import UnixEndpoint

_CROWD = 1000
_AT_ONCE = 8
_OF_ONE_USER = 2  # a quarter
_PATIENCE = timedelta(seconds=90)


class Busy:
    """An attestor that answers when it is ``free``, and counts whom it was asked about."""

    name = "busy"

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()
        self.asked = 0

    async def attest(self, caller: KernelCaller) -> Evidence:
        del caller
        self.asked += 1
        await self.free.wait()
        return Evidence(frozenset())


@pytest.mark.slow
async def test_who_was_there_before_goes_on_being_served_and_then_so_is_everybody(
    tmp_path: Path,
) -> None:
    busy = Busy()
    in_turns = InTurns(busy, _AT_ONCE)
    web, api = entry("/web", ME), entry("/api", ME)
    served = ServedWorkloadApi(tmp_path, web)
    endpoint = UnixEndpoint(str(served.path))
    client = WorkloadApiClient(endpoint, FakeClock(), timeout=_PATIENCE)
    limits = Limits(attestation=_PATIENCE)
    async with served.serving(attestors=[in_turns], limits=limits) as listener:
        async with aclosing(client.watch(X509_CONTEXT)) as states, asyncio.timeout(100):
            await anext(states)
            busy.free.clear()
            async with asyncio.TaskGroup() as tasks:
                crowd = [tasks.create_task(client.fetch(X509_CONTEXT)) for _ in range(_CROWD)]
                turns = in_turns.turns
                await eventually(lambda: turns.running + turns.waiting == _CROWD, 60)
                assert turns.running == _OF_ONE_USER
                served.authority.set_entries(web, api)
                context = (await anext(states)).material
                assert context is not None
                assert [each.svid.spiffe_id.path for each in context.svids] == ["/web", "/api"]
                assert not any(task.done() for task in crowd)
                assert busy.asked == 1 + _OF_ONE_USER
                busy.free.set()
        assert {len(task.result().svids) for task in crowd} == {2}
        assert busy.asked == 1 + _CROWD
        await eventually(lambda: listener.connections.total == 0)
