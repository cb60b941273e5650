"""What a change of entries, of the signer, or of what is revoked does to the SVIDs held."""

from __future__ import annotations

import asyncio

import pytest
from support.clock import HOUR, MINUTE
from support.entries import entry
from support.running import quiet
from support.svid_cache import A, B, Bench

from accredit.authority.entry import Entry


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
