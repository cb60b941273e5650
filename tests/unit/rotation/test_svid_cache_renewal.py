"""When an SVID is renewed, whatever its life and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from cryptography import x509
from support.clock import HOUR, MINUTE, SECOND
from support.entries import entry
from support.fake_authority import FakeAuthority
from support.svid_cache import A, Bench

from accredit.authority.entry import Entry
from accredit.identity.keys import PublicKey
from accredit.rotation.settings import RotationSettings
from accredit.rotation.svid_cache import SvidCache


async def test_it_is_renewed_around_its_half_life_while_watched() -> None:
    bench = Bench(A, keep_warm=timedelta())
    bench.watched.add(A.entry_id)
    await bench.ask(A)
    first = bench.serial(A)
    await bench.pass_time(27 * MINUTE - SECOND)
    assert bench.serial(A) == first
    await bench.pass_time(6 * MINUTE + SECOND)
    assert bench.serial(A) != first
    assert bench.heard == [A.entry_id] * 2


async def test_renewals_are_spread() -> None:
    entries = [entry(f"/{number}") for number in range(200)]
    bench = Bench(*entries)
    await bench.ask(*entries)
    times = {bench.cache.agenda.when(held) for held in bench.cache}
    assert len(times) > 150


async def test_nobody_interested_no_renewal_and_in_the_end_it_is_forgotten() -> None:
    bench = Bench(A)
    await bench.ask(A)
    first = bench.serial(A)
    await bench.pass_time(50 * MINUTE)
    assert (bench.serial(A), bench.authority.signed) == (first, 1)
    await bench.pass_time(15 * MINUTE)
    assert list(bench.cache) == []
    assert bench.cache.agenda.next() is None


async def test_who_asks_past_the_half_life_gets_a_new_one() -> None:
    bench = Bench(A)
    await bench.ask(A)
    first = bench.serial(A)
    await bench.pass_time(50 * MINUTE)
    await bench.ask(A)
    assert bench.serial(A) != first
    await bench.pass_time(26 * MINUTE)
    assert bench.serial(A) is not None


async def test_what_was_asked_for_lately_is_renewed_though_nobody_watches() -> None:
    short = entry("/short", ttl=MINUTE)
    bench = Bench(short)
    await bench.ask(short)
    await bench.pass_time(8 * MINUTE)
    assert bench.serial(short) is not None
    assert bench.authority.signed > 10


async def test_near_the_end_of_the_root_renewals_do_not_race() -> None:
    short = entry("/short", ttl=SECOND)
    bench = Bench(short)
    bench.watched.add(short.entry_id)
    await bench.ask(short)
    await bench.pass_time(timedelta(seconds=10))
    assert bench.authority.signed <= 11


class BackdatingAuthority(FakeAuthority):
    """Signs as if fifty minutes ago, for what is left of the hour."""

    async def sign_x509(self, entry: Entry, public_key: PublicKey) -> Sequence[x509.Certificate]:
        return (self.signer.x509(entry, public_key, self._clock.now() - 50 * MINUTE),)


async def test_half_life_is_that_of_what_was_left_when_it_was_signed() -> None:
    bench = Bench(A)
    bench.authority = BackdatingAuthority(bench.clock, A)
    cache = SvidCache(
        bench.authority, bench.clock, RotationSettings(), lambda _: True, lambda _: None
    )
    await cache.obtain(cache.lacking([A]))
    when = cache.agenda.next()
    assert when is not None
    assert when - bench.clock.now() == pytest.approx(5 * MINUTE, abs=MINUTE / 2)


async def test_a_clock_set_back_replaces_what_is_not_valid_yet() -> None:
    bench = Bench(A)
    await bench.ask(A)
    first = bench.serial(A)
    bench.clock.jump(-HOUR)
    bench.cache.reconsider()
    await bench.work_off()
    assert bench.serial(A) != first
    assert bench.held_svid(A).not_before <= bench.clock.now()


async def test_a_clock_set_back_does_not_stretch_the_wait_for_a_retry() -> None:
    bench = Bench(A)
    bench.authority.down = True
    await bench.ask(A)
    bench.authority.down = False
    bench.clock.jump(-HOUR)
    bench.cache.reconsider()
    await bench.work_off()
    assert bench.serial(A) is not None


async def test_a_clock_that_stepped_back_a_little_does_not_lose_a_renewal() -> None:
    bench = Bench(A)
    bench.watched.add(A.entry_id)
    await bench.ask(A)
    when = bench.cache.agenda.next()
    assert when is not None
    bench.clock.advance(when - bench.clock.now())
    (due,) = bench.cache.agenda.take_due(bench.clock.now())
    bench.clock.jump(-SECOND)
    await bench.cache.tend(due)
    assert bench.cache.agenda.next() == when
