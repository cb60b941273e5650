"""While the authority signs nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.clock import HOUR, MINUTE, SECOND
from support.entries import entry
from support.svid_cache import A, Bench


async def test_who_asks_past_the_half_life_in_an_outage_gets_the_old_one() -> None:
    bench = Bench(A)
    await bench.ask(A)
    first = bench.serial(A)
    await bench.pass_time(50 * MINUTE)
    bench.authority.down = True
    await bench.ask(A)
    assert bench.serial(A) == first
    bench.authority.down = False
    await bench.pass_time(2 * SECOND)
    assert bench.serial(A) != first


async def test_in_an_outage_the_old_one_serves_until_it_ends_and_not_after() -> None:
    bench = Bench(A)
    bench.watched.add(A.entry_id)
    await bench.ask(A)
    first = bench.serial(A)
    bench.authority.down = True
    await bench.pass_time(HOUR)
    assert bench.serial(A) == first
    assert bench.heard == [A.entry_id]
    await bench.pass_time(SECOND)
    assert bench.serial(A) is None
    assert bench.heard == [A.entry_id] * 2


async def test_failed_renewals_are_tried_again_with_growing_waits() -> None:
    bench = Bench(A)
    bench.authority.down = True
    bench.watched.add(A.entry_id)
    await bench.ask(A)
    waits = []
    for _ in range(9):
        when = bench.cache.agenda.next()
        assert when is not None
        waits.append((when - bench.clock.now()).total_seconds())
        await bench.pass_time(when - bench.clock.now())
    expected = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert waits == [pytest.approx(seconds, rel=0.11) for seconds in expected]
    assert bench.held(A).error == "the fake authority is down"
    assert bench.cache.failures == 10


async def test_nobody_asks_an_authority_that_has_just_failed() -> None:
    bench = Bench(A)
    bench.authority.down = True
    await bench.ask(A)
    for _ in range(10):
        await bench.ask(A)
    assert bench.cache.failures == 1


async def test_after_an_outage_it_is_renewed_within_the_next_wait() -> None:
    bench = Bench(A)
    bench.watched.add(A.entry_id)
    bench.authority.down = True
    await bench.ask(A)
    await bench.pass_time(HOUR)
    bench.authority.down = False
    await bench.pass_time(67 * SECOND)
    assert bench.serial(A) is not None
    assert (bench.held(A).failures, bench.held(A).error) == (0, "")


async def test_short_lived_ones_are_tried_again_several_times_before_they_end() -> None:
    short = entry("/short", ttl=timedelta(seconds=20))
    bench = Bench(short)
    bench.watched.add(short.entry_id)
    await bench.ask(short)
    bench.authority.down = True
    await bench.pass_time(timedelta(seconds=20))
    assert bench.held(short).failures >= 3
