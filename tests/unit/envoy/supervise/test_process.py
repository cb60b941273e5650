"""A process that stands for Envoy: started, heard, and dead with its supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from accredit.envoy.supervise import launcher
from accredit.envoy.supervise.process import EnvoyProcess, environment


async def start(script: str, say: Callable[[bytes], None] = lambda _: None) -> EnvoyProcess:
    return await EnvoyProcess.start(Path("/bin/sh"), say, ["-c", script])


async def test_its_last_words_are_kept_and_passed_on() -> None:
    said: list[bytes] = []
    process = await start("echo first >&2; echo bad port >&2; exit 3", said.append)
    assert await process.ended() == "ended with exit code 3: bad port"
    assert b"".join(said) == b"first\nbad port\n"


async def test_one_that_says_more_than_anybody_wants_is_bounded() -> None:
    process = await start("yes 0123456789 | head -n 300000 >&2; echo end >&2")
    assert await process.ended() == "ended with exit code 0: end"


async def test_a_signal_is_told_by_its_name_and_one_too_late_does_nothing() -> None:
    process = await start("exec sleep 60")
    process.send(signal.SIGKILL)
    assert await process.ended() == "was killed (SIGKILL)"
    process.send(signal.SIGTERM)


async def test_the_signal_for_access_logs_does_not_end_what_is_not_ready_for_it() -> None:
    process = await start("kill -USR1 $$; exit 4")
    assert await process.ended() == "ended with exit code 4"


async def test_its_pid_is_the_programs() -> None:
    process = await start("echo $$ >&2")
    assert await process.ended() == f"ended with exit code 0: {process.pid}"


def test_what_systemd_meant_for_us_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/x")
    monkeypatch.setenv("OTHER", "y")
    assert "NOTIFY_SOCKET" not in environment()
    assert environment()["OTHER"] == "y"


def test_it_dies_with_a_supervisor_that_is_killed() -> None:
    program = textwrap.dedent(
        """
        import asyncio, os
        from functools import partial
        from pathlib import Path
        from accredit.envoy.supervise.process import EnvoyProcess
        async def main():
            say = partial(os.write, 2)
            arguments = ["-c", "echo up >&2; sleep 600"]
            process = await EnvoyProcess.start(Path("/bin/sh"), say, arguments)
            print(process.pid, flush=True)
            await process.ended()
        asyncio.run(main())
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stderr is not None
        child = int(supervisor.stdout.readline())
        assert supervisor.stderr.readline() == b"up\n"
        ended = os.pidfd_open(child)
        supervisor.kill()
        asyncio.run(_readable(ended))
        os.close(ended)


async def _readable(descriptor: int) -> None:
    readable = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, readable.set)
    async with asyncio.timeout(20):
        await readable.wait()


def test_one_whose_supervisor_died_before_it_could_ask_does_not_start() -> None:
    command = [sys.executable, "-I", "-S", launcher.__file__, "1", "/bin/echo", "started"]
    done = subprocess.run(command, check=True, capture_output=True)
    assert done.stdout == b""
