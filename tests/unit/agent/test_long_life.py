"""What every process that is to run for months gets, whatever the machine has run out of."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import create_subprocess_exec
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import threads

from accredit.agent import long_life
from accredit.agent.sd_notify import SystemdNotifier
from accredit.identity.errors import UnavailableError


def test_work_for_threads_is_done_though_none_can_be_started() -> None:
    async def main() -> list[str]:
        with threads.none_starts():
            async with asyncio.TaskGroup() as tasks:
                work = [tasks.create_task(asyncio.to_thread(str, each)) for each in range(50)]
        return [each.result() for each in work]

    assert long_life.run(main()) == [str(each) for each in range(50)]


def test_children_are_waited_for_though_no_thread_can_be_started() -> None:
    async def main() -> int:
        with threads.none_starts():
            child = await create_subprocess_exec("sh", "-c", "exit 3")
            return await child.wait()

    assert long_life.run(main()) == 3


def test_it_ends_though_no_thread_can_be_started() -> None:
    with ExitStack() as rest:

        async def main() -> int:
            found = await asyncio.to_thread(int, "1")
            rest.enter_context(threads.none_starts())
            return found

        assert long_life.run(main()) == 1


def test_a_watchdog_hears_of_it_for_as_long_as_the_event_loop_turns(tmp_path: Path) -> None:
    patience = 0.03
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.setblocking(False)

        async def main() -> None:
            for _ in range(5):
                async with asyncio.timeout(60):
                    heard = await asyncio.get_running_loop().sock_recv(supervisor, 100)
                assert heard == b"WATCHDOG=1"

        long_life.run(main(), SystemdNotifier(str(tmp_path / "notify"), patience))


def test_a_machine_without_any_thread_to_give_is_told_in_one_line() -> None:
    async def main() -> None:
        raise AssertionError

    with threads.none_starts(), pytest.raises(UnavailableError, match="no threads to work with"):
        long_life.run(main())
    assert long_life.run(asyncio.to_thread(int, "1")) == 1


def test_streams_that_are_closed_are_opened_for_children_too() -> None:
    program = (
        "import os, subprocess; from accredit.agent import long_life; long_life.begin();"
        "subprocess.run(['ls', '-l', '/proc/self/fd'], stdout=9)"
    )
    shell = ["sh", "-c", 'exec "$@" 9>&1 <&- >&- 2>&-', "sh"]
    done = subprocess.run(
        [*shell, sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True
    )
    assert "0 -> /dev/null" in done.stdout
    assert "2 -> /dev/null" in done.stdout


def test_streams_that_are_open_stay_and_so_does_what_sigterm_does() -> None:
    program = (
        "from accredit.agent import long_life; long_life.begin(); import signal, sys;"
        "sys.stdout.write(signal.getsignal(signal.SIGTERM).name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True
    )
    assert done.stdout == signal.SIG_DFL.name
