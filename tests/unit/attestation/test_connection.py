from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

import pytest
from support.clock import FakeClock
from support.fake_workload import FakeCaller
from support.running import quiet

from accredit.attestation.caller import KernelCaller
from accredit.attestation.connection import AttestedWorkload
from accredit.attestation.evidence import Evidence
from accredit.identity.errors import AttestationError, UnavailableError
from accredit.identity.selector import Selector

UID, LABEL = Selector("unix", "uid:1000"), Selector("docker", "label:x")
WHOLE = Evidence(frozenset({UID, LABEL}))
PART = Evidence(frozenset({UID}), {"docker": "is down"}, retry=True)
FINAL = Evidence(frozenset({UID}), {"unix:path": "not allowed"})
DEAD = AttestationError("caller 4711 has exited")
BUSY = UnavailableError("too many open files")


class Attestors:
    """Give one answer after the other, the last one for ever; ``open`` holds them back."""

    def __init__(self, *answers: Evidence | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, _caller: KernelCaller) -> Evidence:
        self.asked += 1
        await self.open.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Bench:
    def __init__(self, attestors: Attestors, tasks: asyncio.TaskGroup) -> None:
        self.clock = FakeClock()
        caller = cast("KernelCaller", FakeCaller())
        self.workload = AttestedWorkload(caller, attestors, tasks, self.clock)
        self.changes = 0
        self.undo = self.workload.subscribe(self._count)

    def _count(self) -> None:
        self.changes += 1


@asynccontextmanager
async def _attested_by(attestors: Attestors) -> AsyncIterator[Bench]:
    async with asyncio.TaskGroup() as tasks:
        bench = Bench(attestors, tasks)
        yield bench
        bench.workload.close()


async def test_the_first_call_attests_and_later_ones_share_it() -> None:
    attestors = Attestors(WHOLE)
    async with _attested_by(attestors) as bench:
        assert attestors.asked == 0
        assert await bench.workload.evidence() == WHOLE
        assert await bench.workload.evidence() == WHOLE
    assert attestors.asked == 1


async def test_calls_at_the_same_time_share_it_too() -> None:
    attestors = Attestors(WHOLE)
    attestors.open.clear()
    async with _attested_by(attestors) as bench, asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(bench.workload.evidence()) for _ in range(3)]
        await quiet()
        attestors.open.set()
    assert [call.result() for call in calls] == [WHOLE] * 3
    assert attestors.asked == 1


async def test_a_stream_that_ends_does_not_end_it_for_the_others() -> None:
    attestors = Attestors(WHOLE)
    attestors.open.clear()
    async with _attested_by(attestors) as bench, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(bench.workload.evidence())
        second = tasks.create_task(bench.workload.evidence())
        await quiet()
        first.cancel()
        await quiet()
        attestors.open.set()
    assert second.result() == WHOLE
    assert attestors.asked == 1


async def test_who_waits_when_the_connection_closes_is_told_and_not_cancelled() -> None:
    """Others than its own streams may wait: a plan of entries asks about all who are connected."""
    attestors = Attestors(WHOLE)
    attestors.open.clear()
    async with _attested_by(attestors) as bench, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(_refusal(bench.workload))
        await quiet()
        bench.workload.close()
        await quiet()
        assert not call.cancelled()
    assert call.result() == "caller 4711 has disconnected"


async def _refusal(workload: AttestedWorkload) -> str:
    with pytest.raises(AttestationError) as found:
        await workload.evidence()
    return str(found.value)


@pytest.mark.parametrize("error", [DEAD, BUSY])
async def test_a_failure_is_told_and_the_next_call_asks_again(error: Exception) -> None:
    async with _attested_by(Attestors(error, WHOLE)) as bench:
        with pytest.raises(type(error), match=str(error)):
            await bench.workload.evidence()
        assert await bench.workload.evidence() == WHOLE


async def test_what_is_partial_is_given_at_once_and_completed_later() -> None:
    async with _attested_by(Attestors(PART, PART, WHOLE)) as bench:
        assert await bench.workload.evidence() == PART
        await bench.clock.settle()
        bench.clock.advance(timedelta(seconds=1))
        await bench.clock.settle()
        assert bench.changes == 0
        bench.clock.advance(timedelta(seconds=2))
        await quiet()
        assert bench.changes == 1
        assert await bench.workload.evidence() == WHOLE


async def test_the_waits_grow_and_not_for_ever() -> None:
    async with _attested_by(Attestors(PART)) as bench:
        await bench.workload.evidence()
        for _ in range(8):
            await bench.clock.settle()
            bench.clock.advance(timedelta(minutes=1))
        assert [wait.total_seconds() for wait in bench.clock.waits] == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_what_cannot_be_helped_is_not_tried_again() -> None:
    attestors = Attestors(FINAL)
    async with _attested_by(attestors) as bench:
        assert await bench.workload.evidence() == FINAL
        await quiet()
        assert bench.clock.waits == []
        assert attestors.asked == 1


async def test_being_out_of_descriptors_meanwhile_changes_nothing() -> None:
    async with _attested_by(Attestors(PART, BUSY, WHOLE)) as bench:
        await bench.workload.evidence()
        for _ in range(2):
            await bench.clock.settle()
            bench.clock.advance(timedelta(minutes=1))
        await quiet()
        assert await bench.workload.evidence() == WHOLE


async def test_a_caller_that_died_is_not_asked_about_any_more() -> None:
    attestors = Attestors(PART, DEAD)
    async with _attested_by(attestors) as bench:
        await bench.workload.evidence()
        await bench.clock.settle()
        bench.clock.advance(timedelta(minutes=1))
        await quiet()
        assert attestors.asked == 2
        assert bench.clock.next_wake is None


async def test_another_attestor_failing_takes_nothing_away() -> None:
    other = Evidence(frozenset({LABEL}), {"unix": "is slow"}, retry=True)
    async with _attested_by(Attestors(PART, other, WHOLE)) as bench:
        await bench.workload.evidence()
        await bench.clock.settle()
        bench.clock.advance(timedelta(minutes=1))
        await bench.clock.settle()
        assert await bench.workload.evidence() == PART
        bench.clock.advance(timedelta(minutes=1))
        await quiet()
        assert await bench.workload.evidence() == WHOLE


async def test_who_no_longer_listens_is_not_told() -> None:
    async with _attested_by(Attestors(PART, WHOLE)) as bench:
        bench.undo()
        bench.undo()
        await bench.workload.evidence()
        await bench.clock.settle()
        bench.clock.advance(timedelta(minutes=1))
        await quiet()
        assert bench.changes == 0


async def test_a_closed_connection_is_no_longer_asked_about() -> None:
    attestors = Attestors(PART)
    async with _attested_by(attestors) as bench:
        await bench.workload.evidence()
        await bench.clock.settle()
        bench.workload.close()
        await quiet()
        assert bench.clock.next_wake is None


async def test_a_connection_that_closed_before_is_never_attested() -> None:
    attestors = Attestors(WHOLE)
    async with _attested_by(attestors) as bench:
        bench.workload.close()
        with pytest.raises(AttestationError, match="caller 4711 has disconnected"):
            await bench.workload.evidence()
    assert attestors.asked == 0


async def test_a_failure_is_logged_once_and_not_at_every_try(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "accredit.attestation")
    async with _attested_by(Attestors(PART)) as bench:
        await bench.workload.evidence()
        for _ in range(3):
            await bench.clock.settle()
            bench.clock.advance(timedelta(minutes=1))
    assert [record.getMessage() for record in caplog.records] == ["attestation is incomplete"]
    assert vars(caplog.records[0])["error"] == "is down"
