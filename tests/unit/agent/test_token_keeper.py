from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from support.ca import TestCa
from support.clock import EPOCH, FakeClock
from support.eventually import eventually
from support.fake_endpoint import FakeEndpoint, Script
from support.file_sets import token

from accredit.agent.client import WorkloadApiClient
from accredit.agent.output_plan import Wanted
from accredit.agent.token_keeper import TokenKeeper, keep
from accredit.workload_api.endpoint import parse_endpoint
from accredit.workload_api.proto import workload_pb2 as pb

CA = TestCa()
DENIED = Script((), grpc.StatusCode.PERMISSION_DENIED)
MINUTE = timedelta(minutes=1)


def answer(text: str) -> Script:
    message = pb.JWTSVIDResponse()
    message.svids.add(spiffe_id="spiffe://td.example/a", svid=text)
    return Script((message.SerializeToString(),), grpc.StatusCode.OK)


class Bench:
    """A keeper of a scripted endpoint; each token is valid five minutes."""

    def __init__(self, folder: Path, *scripts: Script) -> None:
        self.endpoint = FakeEndpoint(folder / "api.sock", *scripts)
        self.clock = FakeClock()
        self.told = 0
        client = WorkloadApiClient(parse_endpoint(self.endpoint.address), self.clock)
        self.keeper = TokenKeeper(client, Wanted(), "db", self.clock, self._changed)

    def _changed(self) -> None:
        self.told += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.endpoint.serving(), asyncio.TaskGroup() as tasks:
            working = tasks.create_task(keep([self.keeper]))
            yield
            working.cancel()

    async def asked(self, times: int) -> None:
        """Return once it has asked so often and waits."""
        await eventually(lambda: len(self.endpoint.seen) == times)
        await eventually(lambda: self.clock.next_wake is not None)


async def test_a_token_is_fetched_again_at_half_of_its_lifetime(tmp_path: Path) -> None:
    first, second = token(CA, "db"), token(CA, "db", now=EPOCH + 3 * MINUTE)
    bench = Bench(tmp_path, answer(first), answer(second))
    async with bench.running():
        await bench.asked(1)
        assert bench.keeper.held is not None
        assert bench.keeper.held.token == first
        wait = bench.clock.waits[-1]
        assert timedelta(seconds=150) <= wait <= timedelta(seconds=165)
        bench.clock.advance(wait)
        await bench.asked(2)
        assert bench.keeper.held.token == second
    assert bench.told == 2


async def test_the_same_token_again_is_not_asked_for_in_a_loop(tmp_path: Path) -> None:
    old = token(CA, "db", now=EPOCH - 4 * MINUTE)
    bench = Bench(tmp_path, answer(old))
    async with bench.running():
        await bench.asked(1)
        assert bench.clock.waits[-1] >= timedelta(seconds=1)
        bench.clock.advance(bench.clock.waits[-1])
        await bench.asked(2)
    assert bench.told == 1


async def test_a_refusal_keeps_what_is_held_and_is_tried_again_ever_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held = token(CA, "db")
    bench = Bench(tmp_path, answer(held), DENIED)
    async with bench.running():
        await bench.asked(1)
        for times in range(2, 5):
            bench.clock.advance(bench.clock.waits[-1])
            await bench.asked(times)
        assert bench.keeper.held is not None
        assert bench.keeper.held.token == held
        assert "PERMISSION_DENIED" in bench.keeper.problem
    waits = [wait.total_seconds() for wait in bench.clock.waits[1:]]
    assert waits == sorted(waits)
    (told,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert told.message == "no new JWT-SVID; that in the file stays, and ends"
    assert held not in caplog.text


async def test_a_failing_one_hurries_when_something_has_changed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, DENIED, answer(token(CA, "db")))
    async with bench.running():
        await bench.asked(1)
        bench.keeper.hurry()
        await bench.asked(2)
        assert bench.keeper.problem == ""
        bench.keeper.hurry()
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(bench.endpoint.seen) == 2


async def test_an_answer_that_is_no_token_is_a_problem(tmp_path: Path) -> None:
    bench = Bench(tmp_path, answer("not.a.token"))
    async with bench.running():
        await bench.asked(1)
        assert "not a valid JWT-SVID" in bench.keeper.problem
        assert bench.keeper.held is None
