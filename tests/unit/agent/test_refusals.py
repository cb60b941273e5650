from __future__ import annotations

import asyncio

import pytest

from accredit.agent.refusals import Refusals


def _lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int, str]]:
    found = [vars(record) for record in caplog.records]
    return [(line["message"], line["count"], line["error"]) for line in found]


async def test_the_first_refusal_is_logged_at_once(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    refusals.add("caller 17 has exited")
    assert _lines(caplog) == [("connections refused", 1, "caller 17 has exited")]
    refusals.close()


async def test_of_many_only_the_number_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals(quiet=0.01)
    for number in range(1000):
        refusals.add(f"reason {number}")
    await asyncio.sleep(0.05)
    assert _lines(caplog) == [
        ("connections refused", 1, "reason 0"),
        ("connections refused", 999, "reason 999"),
    ]
    assert refusals.total == 1000
    refusals.close()


async def test_after_a_quiet_time_the_next_is_the_first_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusals = Refusals(quiet=0.01)
    refusals.add("one")
    await asyncio.sleep(0.05)
    refusals.add("two")
    assert len(caplog.records) == 2
    refusals.close()


async def test_at_the_end_nothing_stays_unsaid(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    refusals.add("one")
    refusals.add("two")
    refusals.close()
    refusals.close()
    assert [count for _, count, _ in _lines(caplog)] == [1, 1]
