"""The server's own SVID: in time, at once when forced, never after its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from support.clock import FakeClock
from support.eventually import eventually
from support.fake_authority import FakeAuthority

from accredit.agent.bundle_endpoint.svid_identity import SvidIdentity
from accredit.identity.errors import UnavailableError
from accredit.identity.spiffe_id import SpiffeId
from accredit.rotation.settings import RotationSettings

_ID = SpiffeId.parse("spiffe://prod.example/accredit/bundle-endpoint")
_MINUTE = timedelta(minutes=1)


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.authority = FakeAuthority(self.clock)
        settings = RotationSettings()
        self.identity = SvidIdentity(self.authority, _ID, settings, self.clock, lambda: 0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.identity.run())
            await self.clock.settle()
            yield
            task.cancel()

    def revoke(self) -> None:
        assert self.identity._svid is not None
        self.authority.revoke(self.identity._svid.leaf.serial_number)

    async def signed(self, count: int) -> None:
        await eventually(lambda: self.authority.signed == count)
        await self.clock.settle()


async def test_there_is_no_handshake_before_the_first_svid() -> None:
    bench = Bench()
    bench.authority.down = True
    with pytest.raises(UnavailableError, match=f"no valid X.509-SVID for {_ID}"):
        bench.identity.context()
    async with bench.running():
        assert not bench.identity.ready.is_set()
        bench.authority.down = False
        bench.clock.advance(_MINUTE)
        await bench.signed(1)
        assert bench.identity.ready.is_set()
        bench.identity.context()


@pytest.mark.rows("FS-11")
async def test_it_is_renewed_at_half_of_its_life_for_the_very_next_handshake() -> None:
    bench = Bench()
    async with bench.running():
        first = bench.identity.context()
        bench.clock.advance(25 * _MINUTE)
        await bench.clock.settle()
        assert bench.identity.context() is first
        bench.clock.advance(10 * _MINUTE)
        await bench.signed(2)
        assert bench.identity.context() is not first


async def test_a_forced_rotation_of_roots_renews_it_at_once_and_once() -> None:
    bench = Bench()
    async with bench.running():
        bench.authority.rotate()
        await bench.signed(2)
        bench.authority.set_bundle(bench.authority.bundles[bench.authority.trust_domain])
        await bench.clock.settle()
        assert bench.authority.signed == 2


async def test_when_it_is_revoked_it_is_renewed_at_once() -> None:
    bench = Bench()
    async with bench.running():
        before = bench.identity.context()
        bench.revoke()
        await bench.signed(2)
        assert bench.identity.context() is not before


async def test_and_if_nobody_signs_then_with_back_off_as_at_any_renewal() -> None:
    bench = Bench()
    async with bench.running():
        before, tries = bench.identity.context(), len(bench.clock.waits)
        bench.authority.down = True
        bench.revoke()
        await bench.clock.settle()
        assert bench.identity.context() is before
        assert len(bench.clock.waits) - tries < 5
        bench.authority.down = False
        bench.clock.advance(_MINUTE)
        await bench.signed(2)
        assert bench.identity.context() is not before


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=1)])
async def test_a_clock_that_was_set_renews_it_at_once(jump: timedelta) -> None:
    bench = Bench()
    async with bench.running():
        bench.clock.jump(jump)
        await bench.signed(2)
        bench.identity.context()


async def test_while_nobody_signs_the_old_one_serves_until_its_end_and_never_after() -> None:
    bench = Bench()
    async with bench.running():
        bench.authority.down = True
        tries = len(bench.clock.waits)
        for _ in range(58):
            bench.clock.advance(_MINUTE)
            await bench.clock.settle()
            bench.identity.context()
        assert 10 < len(bench.clock.waits) - tries < 100
        bench.clock.advance(5 * _MINUTE)
        await bench.clock.settle()
        with pytest.raises(UnavailableError, match=r"no valid X\.509-SVID"):
            bench.identity.context()
        bench.authority.down = False
        bench.clock.advance(2 * _MINUTE)
        await bench.signed(2)
        bench.identity.context()
