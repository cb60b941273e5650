"""What goes wrong between a new set of files and a program that serves it, with a real nginx.

Each time the old certificate goes on being served, the ledger says what is wrong, and once the
cause is gone the new one is served without anybody's help.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from support import handshakes, needs
from support.eventually import eventually
from support.handshakes import Handshakes
from support.mounts import tmpfs
from support.nginx import Nginx
from support.outputs import Bench, at_work

from accredit.file_output.address import Address
from accredit.file_output.ledger import Line, State
from accredit.file_output.profiles.web import NGINX
from accredit.file_output.recipe import Recipe
from accredit.file_output.tell.command import Command
from accredit.file_output.tell.signal import Signal
from accredit.file_output.tell.way import Way
from accredit.file_output.verify import Verify


@dataclass
class Scene:
    """An nginx that serves the first certificate of a bench."""

    nginx: Nginx
    bench: Bench
    first: str

    @property
    def line(self) -> Line:
        return self.bench.line

    def served(self) -> str:
        return Handshakes(self.nginx.port, handshakes.context(self.bench.ca)).once()

    async def fails(self, step: str, *words: str) -> None:
        """Rotate, and see that it fails at ``step`` and the first certificate stays."""
        self.bench.rotate()
        await eventually(lambda: self.line.state is State.FAILING and self.line.attempts > 1)
        assert self.line.last_error_step == step
        for word in words:
            assert word in self.line.last_error
        assert self.served() == self.first
        assert self.line.serial == self.first

    async def recovers(self) -> None:
        """See the new certificate served."""
        await self.bench.until(State.SERVED)
        assert self.line.serial != self.first
        # A worker of before the reload takes connections for a moment after it.
        await eventually(lambda: self.served() == self.line.serial)
        assert self.line.last_error == ""
        assert self.line.on_disk == self.line.version == self.line.wanted


def recipe(nginx: Nginx, **ways: Way) -> Recipe:
    usual: dict[str, Way] = {
        "validate": Command(("nginx", "-t", "-q", "-c", str(nginx.config))),
        "reload": Signal(str(nginx.pid_file), program="nginx"),
        "verify": Verify((Address("127.0.0.1", nginx.port),), within=timedelta(seconds=3)),
    }
    return Recipe(NGINX.recipe.files, **{**usual, **ways})


@asynccontextmanager
async def scene(folder: Path, **ways: Way) -> AsyncIterator[Scene]:
    """Serve a first certificate; ``ways`` are told only after that, by replacing no program."""
    files = folder / "files"
    nginx = Nginx(folder, files)
    async with at_work(files, recipe(nginx, **ways)) as bench:
        bench.rotate()
        await eventually((files / "tls.key").exists)
        with nginx.running():
            await bench.until(State.SERVED)
            yield Scene(nginx, bench, bench.line.serial)


def script(path: Path, text: str) -> None:
    """Replace a command as a package manager would, so that it is never half there."""
    part = path.with_suffix(".part")
    part.write_text(f"#!/bin/sh\n{text}\n")
    part.chmod(0o755)
    part.rename(path)


async def test_a_configuration_that_is_broken_meanwhile(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        at.nginx.configure(broken="nonsense;")
        await at.fails("validate", "unknown directive", "nonsense")
        # The next try may be under way at any moment.
        line = at.line
        await eventually(lambda: line.rolled_back and line.on_disk == line.version != line.wanted)
        assert at.line.rollbacks > 0
        at.nginx.configure()
        await at.recovers()


async def test_a_program_that_is_missing(tmp_path: Path) -> None:
    program = tmp_path / "reload"
    program.symlink_to("/bin/true")
    async with scene(tmp_path, validate=Command((str(program),))) as at:
        program.unlink()
        await at.fails("validate", str(program), "no such file", "install it")
        program.symlink_to("/bin/true")
        await at.recovers()


async def test_a_program_that_may_not_be_run(tmp_path: Path) -> None:
    program = tmp_path / "validate"
    script(program, "exit 0")
    async with scene(tmp_path, validate=Command((str(program),))) as at:
        program.chmod(0o644)
        await at.fails("validate", str(program), "permission denied")
        program.chmod(0o755)
        await at.recovers()


async def test_a_reload_that_does_nothing_is_found_by_looking(tmp_path: Path) -> None:
    program = tmp_path / "reload"
    real = f"kill -HUP $(cat {tmp_path}/nginx.pid)"
    script(program, real)
    async with scene(tmp_path, reload=Command((str(program),))) as at:
        script(program, "exit 0")
        await at.fails("verify", f"serial {at.first}", str(at.nginx.port))
        await eventually(lambda: at.line.confirmed)
        assert at.line.rolled_back
        script(program, real)
        await at.recovers()


async def test_a_reload_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    program = tmp_path / "reload"
    real = f"kill -HUP $(cat {tmp_path}/nginx.pid)"
    script(program, real)
    async with scene(tmp_path, reload=Command((str(program),))) as at:
        key = at.nginx.files / "tls.key"
        script(program, f"echo the disk is on fire >&2; cat {key}; exit 3")
        await at.fails("reload", "exit code 3", "the disk is on fire", "[redacted]")
        await eventually(lambda: "then, reload again: " in at.line.last_error)
        script(program, real)
        await at.recovers()


async def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    program, pids = tmp_path / "validate", tmp_path / "pids"
    script(program, "exit 0")
    validate = Command((str(program),), timeout=timedelta(seconds=1))
    async with scene(tmp_path, validate=validate) as at:
        script(program, f"sleep 1000 & echo $! $$ >> {pids}; sleep 1000")
        await at.fails("validate", "did not end within 1 s")
        script(program, "exit 0")
        await at.recovers()
    for pid in pids.read_text().split():
        await eventually(lambda pid=pid: _is_gone(int(pid)))  # type: ignore[misc]


def _is_gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


async def test_a_pid_file_that_names_somebody_else_by_now(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        pid = at.nginx.pid_file.read_text()
        with subprocess.Popen([needs.program("sleep", apt="coreutils"), "1000"]) as stranger:
            try:
                at.nginx.pid_file.write_text(f"{stranger.pid}\n")
                await at.fails("reload", "stale", "not nginx")
                assert stranger.poll() is None
            finally:
                stranger.kill()
        at.nginx.pid_file.write_text(pid)
        await at.recovers()


async def test_a_program_that_is_down_serves_the_newest_once_it_is_up(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        at.nginx.stop()
        at.bench.rotate()
        await eventually(lambda: "stale" in at.line.last_error and at.line.rolled_back)
        at.nginx.start()
        await at.recovers()


async def test_a_folder_that_is_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        shutil.rmtree(at.nginx.files)
        assert at.served() == at.first
        at.bench.rotate()
        await eventually(lambda: at.line.serial != at.first)
        await at.recovers()


async def test_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    with tmpfs(tmp_path / "files", size="256k"):
        async with scene(tmp_path) as at:
            filler = at.nginx.files / "filler"
            _fill(filler)
            await at.fails("write", "no space left")
            assert at.line.on_disk == at.line.version
            filler.unlink()
            await at.recovers()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


async def test_a_newer_certificate_is_tried_at_once_and_the_failed_one_never_served(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as at:
        at.nginx.configure(broken="nonsense;")
        await at.fails("validate")
        skipped = at.line.wanted
        at.nginx.configure()
        newest = at.bench.rotate()
        await at.bench.until(State.SERVED, newest)
        await eventually(lambda: at.served() == newest)
        assert at.line.version != skipped
