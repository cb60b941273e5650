from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from support.clock import FakeClock
from support.entries import entry
from support.fake_authority import FakeAuthority
from support.fake_workload import FakeWorkload

from accredit.rotation.identities import Identities

WEB = entry("/web", ttl=timedelta(hours=1))


async def test_it_tells_of_each_svid_when_it_ends_and_when_it_is_renewed() -> None:
    clock = FakeClock()
    identities = Identities(FakeAuthority(clock, WEB), clock)
    snapshot = await identities.snapshot(FakeWorkload())
    status = identities.describe()
    (told,) = status.entries
    (identity,) = snapshot.identities
    assert (told.entry_id, told.spiffe_id) == (WEB.entry_id, "spiffe://prod.example/web")
    assert (told.serial, told.not_after) == (identity.svid.serial, identity.svid.not_after)
    assert told.next_look is not None
    assert clock.now() < told.next_look < identity.svid.not_after
    assert (told.watched, status.watchers, status.rotations) == (False, 0, 1)


async def test_it_tells_what_failed() -> None:
    clock = FakeClock()
    authority = FakeAuthority(clock, WEB)
    authority.down = True
    identities = Identities(authority, clock)
    stream = identities.watch(FakeWorkload())
    await anext(stream)
    status = identities.describe()
    (told,) = status.entries
    assert (told.serial, told.not_after, told.watched) == (None, None, True)
    assert (told.failures, told.error) == (1, "the fake authority is down")
    assert (status.watchers, status.rotations, status.failures) == (1, 0, 1)
    await stream.aclose()


async def test_it_holds_no_secret() -> None:
    clock = FakeClock()
    identities = Identities(FakeAuthority(clock, WEB), clock)
    await identities.snapshot(FakeWorkload())
    assert "PRIVATE" not in str(asdict(identities.describe()))
