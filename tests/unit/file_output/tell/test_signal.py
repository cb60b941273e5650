from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support import needs, other_user
from support.eventually import eventually
from support.file_sets import marked

from accredit.file_output.tell.signal import Signal
from accredit.file_output.tell.way import Written
from accredit.identity.errors import DeployError

_PROGRAM = """
import signal, sys, pathlib
signal.signal(signal.SIGHUP, lambda *_: pathlib.Path(sys.argv[1]).touch())
print("ready", flush=True)
while True:
    signal.pause()
"""
_STARTING = """
import signal, sys, pathlib, os
print("ready", flush=True)
sys.stdin.readline()
signal.signal(signal.SIGHUP, lambda *_: pathlib.Path(sys.argv[1]).touch())
print("handles it now", flush=True)
while True:
    signal.pause()
"""

_TELLING = """
import asyncio, sys, pathlib
from accredit.file_output.fileset import FileSet
from accredit.file_output.tell.signal import Signal
from accredit.file_output.tell.way import Written
way = Signal("{dir}/pid", pauses=(), program=sys.argv[2])
asyncio.run(way.tell(Written(pathlib.Path(sys.argv[1]), FileSet((), "1"))))
"""


@contextmanager
def program(folder: Path, code: str = _PROGRAM) -> Iterator[subprocess.Popen[bytes]]:
    """Run one that touches ``hup`` when it is told, and wrote its pid file."""
    command = [sys.executable, "-c", code, str(folder / "hup")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (folder / "pid").write_text(f"{process.pid}\n")
        try:
            yield process
        finally:
            process.kill()


async def tell(folder: Path, **fields: Any) -> None:
    fields = {"pauses": (), **fields}
    await Signal("{dir}/pid", **fields).tell(Written(folder, marked("1")))


def name() -> str:
    return Path(sys.executable).resolve().name


async def test_the_program_that_the_pid_file_names_is_told(tmp_path: Path) -> None:
    for how in ({}, {"program": name()}):
        with program(tmp_path):
            await tell(tmp_path, **how)
            await eventually((tmp_path / "hup").exists)
        (tmp_path / "hup").unlink()


async def test_a_process_that_is_gone_is_not_told(tmp_path: Path) -> None:
    with program(tmp_path):
        pass
    with pytest.raises(DeployError, match=r"is stale: process .* is gone; start the program"):
        await tell(tmp_path)


@pytest.mark.parametrize("meanwhile", [None, "", "4194304\n"])
async def test_a_program_that_writes_its_pid_file_anew_just_now_is_told_then(
    tmp_path: Path, meanwhile: str | None
) -> None:
    with program(tmp_path):
        pid_file = tmp_path / "pid"
        said = pid_file.read_text()
        pid_file.unlink() if meanwhile is None else pid_file.write_text(meanwhile)
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(tell(tmp_path, pauses=(0.001,) * 10_000))
            await asyncio.sleep(0.05)
            assert not telling.done()
            pid_file.write_text(said)
        await eventually((tmp_path / "hup").exists)


async def test_a_program_that_has_no_handler_yet_is_not_ended(tmp_path: Path) -> None:
    with program(tmp_path, _STARTING) as process:
        with pytest.raises(DeployError, match="does not handle SIGHUP, which could even end it"):
            await tell(tmp_path, pauses=(0.001, 0.001))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(tell(tmp_path, pauses=(0.001,) * 10_000))
            assert process.stdin is not None
            process.stdin.write(b"go on\n")
            process.stdin.flush()
        await eventually((tmp_path / "hup").exists)
        assert process.poll() is None


async def test_what_no_wait_mends_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("nginx\n")
    with pytest.raises(DeployError, match="does not begin with a pid"):
        await tell(tmp_path, pauses=(3600,))


async def test_another_program_that_got_the_pid_is_not_told(tmp_path: Path) -> None:
    with program(tmp_path):
        with pytest.raises(DeployError, match=f"{name()}, not nginx"):
            await tell(tmp_path, program="nginx")
        assert not (tmp_path / "hup").exists()


async def test_a_process_younger_than_its_pid_file_is_not_told(tmp_path: Path) -> None:
    with program(tmp_path):
        os.utime(tmp_path / "pid", (1e9, 1e9))
        with pytest.raises(DeployError, match="started after it was written"):
            await tell(tmp_path)
        await tell(tmp_path, program=name())


@pytest.mark.root
async def test_a_pid_file_of_some_other_user_directs_no_signal(tmp_path: Path) -> None:
    needs.root()
    with program(tmp_path):
        os.chown(tmp_path / "pid", 54321, 54321)
        with pytest.raises(DeployError, match="belongs to uid 54321, who is neither"):
            await tell(tmp_path)


@pytest.mark.root
@pytest.mark.parametrize("program_name", ["", "python"])
def test_a_program_of_another_user_is_said_to_be_that(program_name: str) -> None:
    needs.root()
    with TemporaryDirectory(prefix="accredit-") as made, program(Path(made)) as process:
        Path(made).chmod(0o755)
        command, how = other_user.python("-c", _TELLING, made, program_name)
        done = subprocess.run(command, **how, check=False, capture_output=True, text=True)
    assert f"process {process.pid} belongs to another user; run accredit as root" in done.stderr


def test_a_thread_is_no_process_to_tell(tmp_path: Path) -> None:
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        (tmp_path / "pid").write_text(f"{thread.native_id}\n")
        with pytest.raises(DeployError, match=r"pid: process \d+ cannot be told: "):
            asyncio.run(tell(tmp_path))
    finally:
        ended.set()
        thread.join()


def test_it_says_what_it_does() -> None:
    assert str(Signal("/run/x.pid", signal.SIGUSR2)) == "SIGUSR2 to /run/x.pid"
