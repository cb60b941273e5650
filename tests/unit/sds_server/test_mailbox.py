from __future__ import annotations

import asyncio

from support.ca import TestCa
from support.snapshots import snapshot

from accredit.identity.errors import RequestError, UnavailableError
from accredit.sds_server.mailbox import Mailbox

CA = TestCa()


async def test_whoever_waits_wakes_for_a_request_a_state_a_nudge_and_the_end() -> None:
    mail: Mailbox[str] = Mailbox()
    for happen in (mail.nudge, lambda: mail.publish(snapshot(CA)), mail.end):
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(mail.wait())
            await asyncio.sleep(0)
            happen()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(mail.put("a"))
        await mail.wait()
        assert mail.take() == "a"
        assert mail.take() is None


async def test_what_happened_before_the_wait_is_not_missed_and_not_told_twice() -> None:
    mail: Mailbox[str] = Mailbox()
    mail.nudge()
    mail.nudge()
    async with asyncio.timeout(30):
        await mail.wait()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(mail.wait())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()


async def test_a_second_request_waits_until_the_first_has_been_taken() -> None:
    mail: Mailbox[str] = Mailbox()
    taken: list[str | None] = []

    async def send() -> None:
        for request in ("a", "b"):
            await mail.put(request)

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(send())
        while len(taken) < 2:
            await mail.wait()
            await asyncio.sleep(0)
            taken.append(mail.take())
    assert taken == ["a", "b"]


async def test_a_newer_state_replaces_one_that_was_not_read() -> None:
    mail: Mailbox[str] = Mailbox()
    older, newer = snapshot(CA), snapshot(CA)
    mail.publish(older)
    mail.publish(newer)
    assert mail.snapshot is newer


async def test_the_first_error_is_the_one_that_counts() -> None:
    mail: Mailbox[str] = Mailbox()
    first = RequestError("first")
    mail.end(first)
    mail.end(UnavailableError("second"))
    mail.end()
    assert mail.ended
    assert mail.error is first
