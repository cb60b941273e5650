"""The endpoint as it is built, visited over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.ca import TestCa
from support.clock import FakeClock
from support.endpoint_visitors import Answer, connected, curl
from support.eventually import eventually
from support.fake_authority import FakeAuthority

from accredit.agent.bundle_endpoint.build import build
from accredit.agent.bundle_endpoint.server import BundleEndpoint
from accredit.agent.bundle_endpoint.settings import Address, EndpointSettings
from accredit.authority.federation.relationship import Profile
from accredit.identity.bundle import encode_bundle
from accredit.rotation.settings import RotationSettings

_ANY_PORT = Address("127.0.0.1", 0)


class Running:
    def __init__(self, **fields: Any) -> None:
        self.clock = FakeClock(datetime.now(UTC))
        self.authority = FakeAuthority(self.clock)
        settings = EndpointSettings(_ANY_PORT, Profile.SPIFFE, **fields)
        self.identity, self.server = build(settings, self.authority, RotationSettings(), self.clock)

    async def get(self) -> Answer:
        return await asyncio.to_thread(curl, f"https://{self.server.address}/")

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[BundleEndpoint]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each.run()) for each in (self.identity, self.server)]
            await self.server.ready.wait()
            try:
                yield self.server
            finally:
                for task in reversed(tasks):
                    task.cancel()
                    await asyncio.wait([task])


@pytest.mark.rows("FS-23", "BE-27")
async def test_the_document_is_the_own_bundle_and_no_other_trust_domains() -> None:
    running = Running()
    running.authority.set_bundle(TestCa("partner.example").bundle())
    async with running.serving():
        own = running.authority.bundles[running.authority.trust_domain]
        assert (await running.get()).body == encode_bundle(own)
        running.authority.rotate()
        assert (await running.get()).body != encode_bundle(own)


async def test_a_visit_that_is_over_counts_no_more() -> None:
    async with Running(connections=1).serving() as server:
        with await asyncio.to_thread(connected, server.address.port):
            assert server.connections.total == 1
        await eventually(lambda: server.connections.total == 0)


async def test_visits_that_go_on_when_it_stops_end_with_drain() -> None:
    running = Running(drain=timedelta(milliseconds=100))
    async with asyncio.timeout(30):
        async with running.serving() as server:
            visitor = await asyncio.to_thread(connected, server.address.port)
    visitor.close()
    assert server.connections.total == 0
    assert not server.ready.is_set()


async def test_without_a_valid_svid_visitors_are_hung_up_on() -> None:
    running = Running()
    async with running.serving():
        running.authority.down = True
        running.clock.advance(timedelta(hours=2))
        with pytest.raises(AssertionError):
            await running.get()
        running.authority.down = False
        running.clock.advance(timedelta(minutes=5))
        await eventually(lambda: running.authority.signed > 1)
        await running.clock.settle()
        assert (await running.get()).status == 200


async def test_a_bug_costs_one_visit_and_tells_nobody_anything(
    caplog: pytest.LogCaptureFixture,
) -> None:
    running = Running()
    bundles = running.authority.bundles
    async with running.serving():
        running.authority.bundles = {}
        with pytest.raises(AssertionError):
            await running.get()
        assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
            "visit failed"
        ]
        running.authority.bundles = bundles
        assert (await running.get()).status == 200
