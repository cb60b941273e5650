from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.clock import FakeClock
from support.contained import Contained, contained
from support.eventually import eventually
from support.fake_engine import ID, FakeEngine, described

from accredit.attestation.cgroups.container import Container
from accredit.attestation.containers.engine import Engine
from accredit.attestation.containers.inspection import Inspection
from accredit.attestation.containers.runtime import Runtime
from accredit.identity.errors import AttestationError, UnavailableError

NOWHERE = Container(ID, None, {"": f"/docker/{ID}"}, frozenset())


@pytest.fixture
def inside() -> Iterator[Contained]:
    with contained(f"docker-{ID}") as inside:
        yield inside


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    async with FakeEngine().served(tmp_path / "s") as fake:
        yield fake


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def inspection(tmp_path: Path, clock: FakeClock) -> Inspection:
    return Inspection(Engine(Runtime("docker", tmp_path / "s", owner=os.getuid())), clock)


def state(pid: int, **changes: Any) -> dict[str, Any]:
    return described(pid, State={**described(pid)["State"], **changes})


@pytest.mark.root
async def test_a_container_is_asked_about_twice_and_then_known_for_a_while(
    fake: FakeEngine, inspection: Inspection, inside: Contained, clock: FakeClock
) -> None:
    fake.answer = described(inside.pid)
    assert (await inspection.of(inside.container)).name == "checkout"
    assert (await inspection.of(inside.container)).name == "checkout"
    assert len(fake.asked) == 2
    clock.jump(timedelta(seconds=10))
    fake.answer = described(inside.pid, Name="/renamed")
    assert (await inspection.of(inside.container)).name == "renamed"
    assert len(fake.asked) == 4


@pytest.mark.root
async def test_callers_that_come_together_share_one_answer(
    fake: FakeEngine, inspection: Inspection, inside: Contained
) -> None:
    fake.answer = described(inside.pid)
    fake.held.clear()
    async with asyncio.TaskGroup() as group:
        impatient = group.create_task(inspection.of(inside.container))
        tasks = [group.create_task(inspection.of(inside.container)) for _ in range(9)]
        await eventually(lambda: bool(fake.asked))
        impatient.cancel()  # takes its own question with it, and nobody else
        fake.held.set()
    assert {task.result().name for task in tasks} == {"checkout"}
    assert len(fake.asked) == 3


@pytest.mark.root
async def test_a_container_that_is_known_is_forgotten_with_its_process(
    fake: FakeEngine, inspection: Inspection, inside: Contained
) -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as other:
        fake.answer = described(other.pid)
        with pytest.raises(AttestationError, match="its cgroup only has that name"):
            await inspection.of(inside.container)
        other.kill()
    fake.answer = described(inside.pid)
    assert (await inspection.of(inside.container)).id == ID
    assert len(fake.asked) == 4


async def test_a_process_that_got_the_pid_of_a_container_is_not_taken_for_it(
    fake: FakeEngine, inspection: Inspection
) -> None:
    fake.answer = described(os.getpid())
    with pytest.raises(AttestationError, match=f"not in container {ID}: its cgroup only has that"):
        await inspection.of(NOWHERE)


@pytest.mark.parametrize(
    "later", [{"StartedAt": "2026-11-28T00:00:00Z"}, {"Pid": os.getppid()}], ids=["start", "pid"]
)
async def test_a_container_that_is_restarted_meanwhile_is_asked_about_again_later(
    fake: FakeEngine, inspection: Inspection, later: dict[str, Any]
) -> None:
    pid = os.getpid()
    fake.answer = lambda number: state(pid) if number == 1 else state(pid, **later)
    with pytest.raises(UnavailableError, match=f"container {ID} has just been restarted"):
        await inspection.of(NOWHERE)


async def test_a_process_that_dies_between_the_questions_is_not_believed(
    fake: FakeEngine, inspection: Inspection
) -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as child:

        def answer(number: int) -> dict[str, Any]:
            if number == 2:  # the daemon has not noticed yet
                child.kill()
                child.wait()
            return described(child.pid)

        fake.answer = answer
        with pytest.raises(UnavailableError, match="has just been restarted"):
            await inspection.of(NOWHERE)


@pytest.mark.parametrize("number", [1, 2])
async def test_a_container_that_does_not_run_yet_may_run_soon(
    fake: FakeEngine, inspection: Inspection, number: int
) -> None:
    pid = os.getpid()
    fake.answer = lambda asked: state(pid, Running=asked != number)
    with pytest.raises(UnavailableError, match=rf"docker at .*: container {ID} does not run"):
        await inspection.of(NOWHERE)
    assert len(fake.asked) == number
