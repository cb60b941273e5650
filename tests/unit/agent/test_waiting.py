from __future__ import annotations

import asyncio
from datetime import timedelta

from accredit.agent.waiting import Waiting

PATIENCE = timedelta(milliseconds=20)


class Expired(asyncio.Queue[str]):
    """Whom the time ran out for."""


async def test_what_is_not_removed_expires_in_turn() -> None:
    expired = Expired()
    waiting = Waiting[str](PATIENCE, expired.put_nowait)
    start = asyncio.get_running_loop().time()
    waiting.add("first")
    waiting.add("second")
    assert [await expired.get(), await expired.get()] == ["first", "second"]
    assert asyncio.get_running_loop().time() - start >= PATIENCE.total_seconds()
    assert len(waiting) == 0


async def test_what_is_removed_does_not() -> None:
    expired = Expired()
    waiting = Waiting[str](PATIENCE, expired.put_nowait)
    for name in ("first", "second", "third"):
        waiting.add(name)
    waiting.remove("first")
    waiting.remove("second")
    waiting.remove("nobody")
    assert await expired.get() == "third"
    assert expired.empty()


async def test_the_wait_starts_anew_for_each() -> None:
    expired = Expired()
    waiting = Waiting[str](PATIENCE, expired.put_nowait)
    waiting.add("first")
    assert await expired.get() == "first"
    waiting.add("second")
    assert await expired.get() == "second"


async def test_one_may_leave_while_another_expires() -> None:
    seen = []
    waiting: Waiting[str]

    def expire(name: str) -> None:
        seen.append(name)
        waiting.remove("second")
        done.set()

    done = asyncio.Event()
    waiting = Waiting(PATIENCE, expire)
    waiting.add("first")
    waiting.add("second")
    await done.wait()
    assert seen == ["first"]
    assert len(waiting) == 0


async def test_nobody_is_waited_for_after_the_end() -> None:
    expired = Expired()
    waiting = Waiting[str](PATIENCE, expired.put_nowait)
    waiting.add("first")
    waiting.close()
    waiting.close()
    await asyncio.sleep(2 * PATIENCE.total_seconds())
    assert expired.empty()


async def test_a_hundred_thousand_need_one_timer() -> None:
    waiting = Waiting[int](timedelta(hours=1), lambda _: None)
    for number in range(100_000):
        waiting.add(number)
        waiting.remove(number)
    waiting.add(1)
    assert len(asyncio.get_running_loop()._scheduled) == 1  # type: ignore[attr-defined]
    waiting.close()
