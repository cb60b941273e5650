from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import needs
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


@contextmanager
def program(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run one that touches ``hup`` when it is told, and wrote its pid file."""
    command = [sys.executable, "-c", _PROGRAM, str(folder / "hup")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (folder / "pid").write_text(f"{process.pid}\n")
        try:
            yield process
        finally:
            process.kill()


async def tell(folder: Path, **fields: str) -> None:
    await Signal("{dir}/pid", **fields).tell(Written(folder, marked("1")))  # type: ignore[arg-type]


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


def test_it_says_what_it_does() -> None:
    assert str(Signal("/run/x.pid", signal.SIGUSR2)) == "SIGUSR2 to /run/x.pid"
