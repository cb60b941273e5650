"""The life of the process, on components that do as they are told."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable

import pytest

from accredit.agent.run import Agent, run
from accredit.identity.errors import StoreError


class Recorder:
    """Stands for the supervisor, and notes everything in one order."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.reading = asyncio.Event()

    def ready(self, status: str) -> None:
        self.seen.append(f"ready: {status}")
        self.reading.set()

    def reloading(self) -> None:
        self.seen.append("reloading")

    def stopping(self) -> None:
        self.seen.append("stopping")


class Part:
    """A component that notes its start and its end."""

    def __init__(
        self, name: str, recorder: Recorder, end: Callable[[], None] = lambda: None
    ) -> None:
        self.name = name
        self._recorder = recorder
        self._end = end

    async def run(self) -> None:
        self._recorder.seen.append(f"{self.name} runs")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self._recorder.seen.append(f"{self.name} ended")
            self._end()


class Failing:
    """A component that ends by itself, with an error or without."""

    name = "failing"

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def run(self) -> None:
        await asyncio.sleep(0)
        if self._error:
            raise self._error


def agent(*parts: Part | Failing, seen: list[str] | None = None) -> Agent:
    def reload() -> None:
        if seen is not None:
            seen.append("reloaded")

    return Agent(parts, [], reload, lambda: "serving")


async def signalled(recorder: Recorder, *numbers: signal.Signals) -> None:
    await recorder.reading.wait()
    for number in numbers:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_last_started_component_first(number: signal.Signals) -> None:
    recorder = Recorder()
    async with asyncio.TaskGroup() as group:
        group.create_task(signalled(recorder, number))
        code = await run(agent(Part("store", recorder), Part("server", recorder)), recorder)
    assert code == 0
    assert recorder.seen == [
        "store runs",
        "server runs",
        "ready: serving",
        "stopping",
        "server ended",
        "store ended",
    ]


async def test_sighup_reloads_and_tells_the_supervisor() -> None:
    recorder = Recorder()
    async with asyncio.TaskGroup() as group:
        group.create_task(signalled(recorder, signal.SIGHUP, signal.SIGTERM))
        code = await run(agent(seen=recorder.seen), recorder)
    assert code == 0
    assert recorder.seen == [
        "ready: serving",
        "reloading",
        "reloaded",
        "ready: serving",
        "stopping",
    ]


async def test_the_first_component_that_fails_ends_all_others() -> None:
    recorder = Recorder()
    assert await run(agent(Part("store", recorder), Failing(ValueError("lost"))), recorder) == 1
    assert recorder.seen[-1] == "store ended"


async def test_a_component_that_returns_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    assert await run(agent(Failing(None)), Recorder()) == 1
    assert "failing returned; components run until cancelled" in caplog.text


async def test_an_expected_error_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    error = StoreError("/data", "is in use", "stop the other one")
    assert await run(agent(Failing(error)), Recorder()) == 1
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert vars(record)["error"] == "/data: is in use; stop the other one"
    assert record.exc_info is None


async def test_several_expected_errors_are_told_in_a_line_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    denied, busy = StoreError("/run", "permission denied"), StoreError("/data", "is in use")
    parts = Failing(denied), Failing(ExceptionGroup("tasks", [busy, denied]))
    assert await run(agent(*parts), Recorder()) == 1
    errors = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert [vars(each)["error"] for each in errors] == [
        "/run: permission denied",
        "/data: is in use",
    ]


async def test_a_bug_beside_an_expected_error_is_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    parts = Failing(StoreError("/run", "permission denied")), Failing(ZeroDivisionError("oops"))
    assert await run(agent(*parts), Recorder()) == 1
    assert "stopped by a bug" in caplog.text
    assert "ZeroDivisionError: oops" in caplog.text


async def test_a_bug_is_told_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    assert await run(agent(Failing(ZeroDivisionError("oops"))), Recorder()) == 1
    assert "ZeroDivisionError: oops" in caplog.text


async def test_a_signal_before_everything_is_ready_ends_the_process_too() -> None:
    recorder = Recorder()

    never = asyncio.Event()
    stuck = Agent([Part("store", recorder)], [never], lambda: None, lambda: "")
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
    assert await run(stuck, recorder) == 0
    assert recorder.seen == ["store runs", "stopping", "store ended"]


async def test_a_component_that_fails_while_stopping_is_a_failure() -> None:
    recorder = Recorder()

    def broken() -> None:
        raise OSError("disk full")

    async with asyncio.TaskGroup() as group:
        group.create_task(signalled(recorder, signal.SIGTERM))
        code = await run(agent(Part("store", recorder), Part("server", recorder, broken)), recorder)
    assert code == 1
    assert recorder.seen[-1] == "store ended"
