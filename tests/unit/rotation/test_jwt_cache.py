from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from support.clock import FakeClock
from support.entries import entry
from support.fake_authority import FakeAuthority
from support.running import quiet

from accredit.authority.entry import Entry
from accredit.identity.errors import AuthorityUnavailableError, JwtSvidError
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.rotation.jwt_cache import JwtCache
from accredit.rotation.settings import RotationSettings

MINUTE = timedelta(minutes=1)
WEB, OTHER = entry("/web", jwt_ttl=10 * MINUTE), entry("/other")


class Bench:
    def __init__(self, **settings: object) -> None:
        self.clock = FakeClock()
        self.authority = FakeAuthority(self.clock, WEB, OTHER)
        made = RotationSettings(**settings)  # type: ignore[arg-type]
        self.cache = JwtCache(self.authority, self.clock, made)

    async def token(self, *audience: str, entry: Entry = WEB) -> str:
        return (await self.cache.svid(entry, audience)).token


@pytest.mark.rows("JS-02", "JS-12")
async def test_a_token_is_for_the_entry_and_the_audiences_asked_for() -> None:
    bench = Bench()
    token = await bench.token("a", "b")
    valid = validate_jwt_svid(token, {"b"}, bench.authority.bundles, bench.clock.now())
    assert valid.spiffe_id == WEB.spiffe_id
    assert valid.claims["aud"] == ["a", "b"]


async def test_it_is_kept_for_the_same_audiences_in_any_order() -> None:
    bench = Bench()
    assert await bench.token("a", "b") == await bench.token("b", "a")
    assert bench.authority.signed == 1


async def test_other_audiences_and_other_entries_have_tokens_of_their_own() -> None:
    bench = Bench()
    tokens = {
        await bench.token("a"),
        await bench.token("b"),
        await bench.token("a", "b"),
        await bench.token("a", entry=OTHER),
    }
    assert len(tokens) == 4


async def test_it_is_renewed_at_half_of_its_life_when_asked_for() -> None:
    bench = Bench()
    first = await bench.token("a")
    bench.clock.advance(5 * MINUTE - timedelta(seconds=1))
    assert await bench.token("a") == first
    bench.clock.advance(timedelta(seconds=1))
    assert await bench.token("a") != first


async def test_in_an_outage_the_old_one_serves_until_it_ends() -> None:
    bench = Bench()
    first = await bench.token("a")
    bench.authority.down = True
    bench.clock.advance(10 * MINUTE - timedelta(seconds=1))
    assert await bench.token("a") == first
    bench.clock.advance(timedelta(seconds=1))
    with pytest.raises(AuthorityUnavailableError, match="the fake authority is down"):
        await bench.token("a")


async def test_an_authority_that_hangs_is_not_waited_for_for_ever() -> None:
    bench = Bench(sign_timeout=timedelta(milliseconds=10))
    bench.authority.open.clear()
    with pytest.raises(AuthorityUnavailableError, match=r"no answer within 0\.01 s"):
        await bench.token("a")


async def test_many_who_ask_at_the_same_time_share_one_signature() -> None:
    bench = Bench()
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(bench.token("a")) for _ in range(20)]
        await quiet()
        bench.authority.open.set()
    assert len({each.result() for each in asking}) == 1
    assert bench.authority.signed == 1


async def test_they_share_its_failure_too() -> None:
    bench = Bench(sign_timeout=timedelta(milliseconds=50))
    bench.authority.open.clear()
    started = asyncio.get_running_loop().time()

    async def ask() -> None:
        with pytest.raises(AuthorityUnavailableError, match="no answer within"):
            await bench.token("a")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(50):
            tasks.create_task(ask())
    assert asyncio.get_running_loop().time() - started < 50 * 0.05


async def test_when_the_one_who_asked_first_goes_the_others_still_get_one() -> None:
    bench = Bench()
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(bench.token("a"))
        await quiet()
        second = tasks.create_task(bench.token("a"))
        await quiet()
        first.cancel()
        await quiet()
        bench.authority.open.set()
    assert second.result()


async def test_tokens_of_an_earlier_signer_are_not_given_out() -> None:
    bench = Bench()
    first = await bench.token("a")
    bench.authority.rotate()
    assert await bench.token("a") != first
    bench.authority.rotate()
    bench.authority.down = True
    with pytest.raises(AuthorityUnavailableError, match="down"):
        await bench.token("a")


async def test_an_entry_with_another_lifetime_gets_a_new_token() -> None:
    bench = Bench()
    first = await bench.token("a")
    changed = entry("/web", jwt_ttl=2 * MINUTE)
    bench.authority.set_entries(changed)
    assert await bench.token("a", entry=changed) != first


async def test_they_are_bounded_and_what_was_not_used_longest_goes_first() -> None:
    bench = Bench(jwt_svids=2)
    first = await bench.token("a")
    await bench.token("b")
    assert await bench.token("a") == first
    await bench.token("c")
    assert await bench.token("a") == first
    assert bench.authority.signed == 3
    await bench.token("b")
    assert bench.authority.signed == 4


async def test_a_token_signed_again_counts_as_used_last() -> None:
    bench = Bench(jwt_svids=2)
    await bench.token("a")
    await bench.token("b")
    bench.clock.advance(10 * MINUTE)
    again = await bench.token("a")
    await bench.token("c")
    assert await bench.token("a") == again


async def test_an_audience_no_token_can_hold_is_refused_and_not_remembered() -> None:
    bench = Bench()
    with pytest.raises(JwtSvidError, match="audience"):
        await bench.token("a" * 1_000_000)
    assert bench.cache._svids == {}
    assert bench.cache._flights == {}
