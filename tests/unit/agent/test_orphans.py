"""Children that nobody waits for, beside children that somebody does."""

from __future__ import annotations

import asyncio
import os
import subprocess
from asyncio.subprocess import create_subprocess_exec

from support.eventually import eventually

from accredit.agent import long_life, orphans

_MANY = 50


def test_the_forgotten_are_buried_and_of_the_others_each_is_heard() -> None:
    # Held, or subprocess would wait for them itself.
    forgotten = [subprocess.Popen(["true"]) for _ in range(3)]

    async def main() -> list[int]:
        orphans.Burial(0.001).begin()
        async with asyncio.TaskGroup() as tasks:
            heard = [tasks.create_task(_code(each)) for each in range(_MANY)]
        await eventually(lambda: not any(_is_child(each.pid) for each in forgotten), 60)
        return [each.result() for each in heard]

    assert long_life.run(main()) == list(range(_MANY))
    for each in forgotten:
        each.wait()


def test_this_process_is_not_the_first() -> None:
    assert not orphans.is_first()


async def _code(code: int) -> int:
    child = await create_subprocess_exec("sh", "-c", f"exit {code}")
    return await child.wait()


def _is_child(pid: int) -> bool:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
