from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from support.clock import FakeClock
from support.entries import entry, template
from support.fake_authority import FakeAuthority
from support.running import quiet

from accredit.authority.entry import Entry
from accredit.authority.entry_template import Declared
from accredit.identity.keys import PublicKey
from accredit.identity.x509_svid import X509Svid
from accredit.rotation.held import Held
from accredit.rotation.settings import RotationSettings
from accredit.rotation.svid_cache import SvidCache

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
A, B = entry("/a", ttl=HOUR), entry("/b", ttl=HOUR)


class Bench:
    """A cache with its authority; ``heard`` are the entries it told of a change."""

    def __init__(
        self, *entries: Declared, keep_warm: timedelta = 10 * MINUTE, template_svids: int = 100
    ) -> None:
        self.clock = FakeClock()
        self.authority = FakeAuthority(self.clock, *entries)
        self.watched: set[str] = set()
        self.heard: list[str] = []
        settings = RotationSettings(keep_warm=keep_warm, template_svids=template_svids)
        self.cache = SvidCache(
            self.authority, self.clock, settings, self.watched.__contains__, self.heard.append
        )
        self.authority.subscribe(self.cache.update)

    async def ask(self, *entries: Entry) -> None:
        await self.cache.obtain(self.cache.lacking(entries))

    def serial(self, of: Entry) -> str | None:
        svid = self.cache.svid(of.entry_id)
        return None if svid is None else svid.serial

    def held_svid(self, of: Entry) -> X509Svid:
        svid = self.held(of).svid
        assert svid is not None
        return svid

    def held(self, of: Entry) -> Held:
        return next(held for held in self.cache if held.entry.entry_id == of.entry_id)

    async def work_off(self) -> None:
        """Do what the renewal loop would."""
        for held in tuple(self.cache.agenda.take_due(self.clock.now())):
            await self.cache.tend(held)

    async def pass_time(self, span: timedelta) -> None:
        end = self.clock.now() + span
        while (when := self.cache.agenda.next()) is not None and when <= end:
            self.clock.advance(max(when - self.clock.now(), timedelta()))
            await self.work_off()
        self.clock.advance(end - self.clock.now())


async def test_an_svid_is_issued_when_first_asked_for_and_then_kept() -> None:
    bench = Bench(A)
    assert bench.serial(A) is None
    await bench.ask(A)
    first = bench.serial(A)
    await bench.ask(A)
    assert first is not None
    assert (bench.serial(A), bench.authority.signed) == (first, 1)
    assert bench.heard == [A.entry_id]


async def test_many_who_ask_first_at_the_same_time_share_one_issue() -> None:
    bench = Bench(A)
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(bench.ask(A))
        await quiet()
        bench.authority.open.set()
    assert bench.authority.signed == 1


async def test_when_the_one_who_asked_first_goes_the_others_still_get_it() -> None:
    bench = Bench(A)
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(bench.ask(A))
        await quiet()
        tasks.create_task(bench.ask(A))
        await quiet()
        first.cancel()
        await quiet()
        bench.authority.open.set()
    assert bench.serial(A) is not None


async def test_what_nobody_waits_for_any_more_is_left_to_the_renewal() -> None:
    bench = Bench(A, B)
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(bench.ask(A, B))
        asking.cancel()
        await quiet()
        asking = tasks.create_task(bench.ask(A, B))
        await quiet()
        asking.cancel()
    bench.authority.open.set()
    await bench.work_off()
    assert None not in {bench.serial(A), bench.serial(B)}


async def test_not_even_those_whose_turn_had_not_come() -> None:
    entries = [entry(f"/{number}") for number in range(60)]
    bench = Bench(*entries)
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(bench.ask(*entries))
        await quiet()
        asking.cancel()
    bench.authority.open.set()
    await bench.work_off()
    assert None not in {bench.serial(each) for each in entries}


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


async def test_what_was_asked_for_lately_is_renewed_though_nobody_watches() -> None:
    short = entry("/short", ttl=MINUTE)
    bench = Bench(short)
    await bench.ask(short)
    await bench.pass_time(8 * MINUTE)
    assert bench.serial(short) is not None
    assert bench.authority.signed > 10


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


async def test_a_removed_entry_is_forgotten_at_once() -> None:
    bench = Bench(A, B)
    await bench.ask(A, B)
    bench.authority.set_entries(B)
    assert [held.entry for held in bench.cache] == [B]
    assert len(bench.cache.agenda) == 1


async def test_an_entry_removed_when_its_renewal_was_due_is_not_renewed() -> None:
    bench = Bench(A)
    await bench.ask(A)
    held = bench.held(A)
    bench.clock.advance(34 * MINUTE)
    bench.authority.set_entries()
    await bench.cache.tend(held)
    assert (bench.authority.signed, list(bench.cache)) == (1, [])


async def test_an_entry_removed_while_it_is_signed_for_stays_forgotten() -> None:
    bench = Bench(A)
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.ask(A))
        await quiet()
        bench.authority.set_entries()
        bench.authority.open.set()
    assert (list(bench.cache), bench.heard, bench.cache.agenda.next()) == ([], [], None)


@pytest.mark.parametrize(
    "new", [entry("/a", ttl=2 * HOUR), entry("/a", ttl=HOUR, dns_names=("a.example",))]
)
async def test_an_entry_with_another_lifetime_or_name_gets_a_new_svid(new: Entry) -> None:
    bench = Bench(A)
    await bench.ask(A)
    first = bench.serial(A)
    bench.authority.set_entries(new)
    assert bench.serial(new) == first
    await bench.work_off()
    assert bench.serial(new) != first


async def test_an_entry_with_another_hint_keeps_its_svid() -> None:
    bench = Bench(A)
    await bench.ask(A)
    bench.authority.set_entries(
        entry("/a", ttl=HOUR, hint="internal", federates_with=("b.example",))
    )
    await bench.work_off()
    assert bench.authority.signed == 1


async def test_a_new_signer_replaces_every_svid() -> None:
    bench = Bench(A, B)
    await bench.ask(A, B)
    before = {bench.serial(A), bench.serial(B)}
    bench.authority.rotate()
    await bench.work_off()
    assert before.isdisjoint({bench.serial(A), bench.serial(B)})
    assert bench.held_svid(A).leaf.issuer == bench.authority.signer.root.subject


async def test_a_signer_that_changed_while_it_signed_is_asked_again() -> None:
    bench = Bench(A)
    await bench.ask(A)
    bench.authority.rotate()
    bench.authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.work_off())
        await quiet()
        bench.authority.rotate()
        bench.authority.open.set()
    await bench.work_off()
    assert bench.held_svid(A).leaf.issuer == bench.authority.signer.root.subject


async def test_a_retry_is_not_waited_for_when_the_signer_or_the_entry_is_new() -> None:
    bench = Bench(A)
    bench.authority.down = True
    await bench.ask(A)
    bench.authority.down = False
    bench.authority.rotate()
    await bench.work_off()
    assert bench.serial(A) is not None


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


async def test_an_svid_that_ends_while_nobody_looked_is_not_handed_out() -> None:
    bench = Bench(A)
    await bench.ask(A)
    bench.clock.advance(HOUR + SECOND)
    assert bench.serial(A) is None


def _user(name: str) -> Entry:
    made = _USERS.instance((name,))
    assert made is not None
    return made


_USERS = template("/u/{unix:user}")


async def test_the_svids_of_templates_are_bounded_but_for_those_in_use() -> None:
    bench = Bench(_USERS, template_svids=2)
    users = [_user(str(n)) for n in range(6)]
    bench.watched.add(users[0].entry_id)
    for each in users:
        await bench.ask(each)
        bench.clock.advance(MINUTE)
    assert [each.path for each in users if bench.serial(each)] == ["/u/0", "/u/5"]


async def test_those_who_ask_at_the_same_time_do_not_take_it_from_each_other() -> None:
    bench = Bench(_USERS, template_svids=1)
    ana, bob = _user("ana"), _user("bob")
    await bench.ask(ana, bob)
    assert bench.serial(ana)
    assert bench.serial(bob)
    assert bench.authority.signed == 2


async def test_an_instance_follows_its_template_and_goes_with_it() -> None:
    bench = Bench(_USERS)
    ana = _user("ana")
    await bench.ask(ana)
    bench.authority.set_entries(entry("/other"), replace(_USERS, x509_ttl=HOUR / 2))
    assert bench.held(ana).entry.x509_ttl == HOUR / 2
    first = bench.serial(ana)
    await bench.work_off()
    assert bench.serial(ana) != first
    bench.authority.set_entries(entry("/other"))
    assert bench.serial(ana) is None
    assert not list(bench.cache)


async def test_an_svid_that_was_revoked_is_replaced_at_once_and_served_until_it_is() -> None:
    bench = Bench(A, B)
    bench.watched = {A.entry_id, B.entry_id}
    await bench.ask(A, B)
    revoked, other = bench.held_svid(A), bench.serial(B)
    bench.heard.clear()
    bench.authority.down = True
    bench.authority.revoke(revoked.leaf.serial_number)
    await bench.work_off()
    assert bench.serial(A) == revoked.serial
    bench.authority.down = False
    await bench.pass_time(MINUTE)
    fresh = bench.held_svid(A)
    assert fresh.serial != revoked.serial
    assert fresh.key.public_key() != revoked.key.public_key()
    assert bench.serial(B) == other
    assert bench.heard == [A.entry_id]


async def test_whoever_asks_for_what_was_revoked_unwatched_gets_another() -> None:
    bench = Bench(A)
    await bench.ask(A)
    revoked = bench.held_svid(A)
    bench.authority.revoke(revoked.leaf.serial_number)
    await bench.ask(A)
    assert bench.serial(A) != revoked.serial
    signed = bench.authority.signed
    bench.authority.set_bundle(bench.authority.bundles[bench.authority.trust_domain])
    await bench.ask(A)
    assert bench.authority.signed == signed
