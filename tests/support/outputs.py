"""Outputs at work, with material that a test rotates at will."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from accredit.file_output.deploy.deployer import Deployer
from accredit.file_output.deploy.disk import Disk
from accredit.file_output.ledger import Line, State
from accredit.file_output.material import Material
from accredit.file_output.output import Output
from accredit.file_output.recipe import Recipe
from accredit.file_output.store import Store
from accredit.identity.clock import Clock
from accredit.rotation.clock import SystemClock
from accredit.rotation.schedule import Backoff
from accredit.rotation.watcher import Watcher
from support import handshakes
from support.ca import TestCa
from support.eventually import eventually
from support.handshakes import Handshakes
from support.real_program import Program
from support.running import running

SOON = Backoff(timedelta(milliseconds=100), timedelta(milliseconds=400))
_PATIENCE = 40.0


class ScriptedSource:
    """Shows the newest material it was given."""

    def __init__(self) -> None:
        self.problem = ""
        self.watching = 0
        self._newest: Material | None = None
        self._watcher = Watcher()

    async def run(self) -> None:
        await asyncio.Event().wait()

    def show(self, material: Material) -> None:
        self._newest = material
        self._watcher.wake()

    async def watch(self) -> AsyncGenerator[Material, None]:
        self.watching += 1
        if self._newest is not None:
            self._watcher.wake()
        while True:
            await self._watcher.wait()
            assert self._newest is not None
            yield self._newest


class Bench:
    """One output of a test authority in a folder; its program is up to the test."""

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        clock: Clock,
        *partners: TestCa,
        backoff: Backoff = SOON,
        spiffe_id: str = "spiffe://td.example/web",
    ) -> None:
        self.folder = folder
        self.recipe = recipe
        self.spiffe_id = spiffe_id
        self.ca = TestCa(now=datetime.now(UTC))
        self.partners = partners
        self.line = Line("bench")
        self.shown: list[str] = []
        self.source = ScriptedSource()
        self.store = Store(folder, clock)
        disk = Disk(self.store, folder, recipe.files)
        deployer = Deployer(recipe, disk, clock, self.line, backoff)
        self.output = Output(self.source, recipe, deployer, clock, self.line)

    async def run(self) -> None:
        with self.store:
            await self.output.run()

    def rotate(self, **fields: Any) -> str:
        """Show a new SVID; return its serial."""
        tokens = fields.pop("tokens", {})
        fields = {"dns_names": ("localhost",), **fields}
        svid = self.ca.svid(self.spiffe_id, **fields)
        bundles = {each.trust_domain: each.bundle() for each in (self.ca, *self.partners)}
        self.source.show(Material(svid, self.ca.trust_domain, bundles, tokens))
        self.shown.append(svid.serial)
        return svid.serial

    async def until(self, state: State, serial: str = "", seconds: float = _PATIENCE) -> None:
        """Wait for a state, and for the serial that is served."""

        def holds() -> bool:
            return self.line.state is state and serial in {"", self.line.serial}

        await eventually(holds, seconds, lambda: f"not {state} {serial}: {self.line}")

    async def written(self) -> str:
        """Show a first SVID and wait until its files are there, for a program to start with."""
        serial = self.rotate()
        await eventually(lambda: self.line.last_write is not None, _PATIENCE)
        return serial

    async def rotated(self, **fields: Any) -> str:
        """Show a new SVID and wait until it is served."""
        serial = self.rotate(**fields)
        await self.until(State.SERVED, serial)
        return serial


@asynccontextmanager
async def at_work(
    folder: Path, recipe: Recipe, *partners: TestCa, **fields: Any
) -> AsyncIterator[Bench]:
    """Run one by the real clock, in ``folder``."""
    clock = SystemClock()
    try:
        bench = Bench(folder, recipe, clock, *partners, **fields)
        async with running(bench):
            yield bench
    finally:
        clock.close()


def write_first_files(folder: Path, recipe: Recipe) -> None:
    """Write them for a program that refuses to start without."""

    async def write() -> None:
        async with at_work(folder, recipe) as bench:
            await bench.written()

    asyncio.run(write())


def with_group(recipe: Recipe, group: str) -> Recipe:
    """Return the recipe with its secrets for the group that the machine's program runs in."""
    files = (replace(file, group=group) if file.group else file for file in recipe.files)
    return replace(recipe, files=tuple(files))


async def rotate_under_load(
    program: Program, files: Path, recipe: Recipe, times: int, **say: Any
) -> list[float]:
    """Start the program on files that are there, and put it under load."""
    async with at_work(files, recipe) as bench:
        await bench.written()
        with program.running():
            return await rotate_running(program, bench, times, **say)


async def rotate_running(program: Program, bench: Bench, times: int, **say: Any) -> list[float]:
    """Rotate so often, and see nobody fail.

    ``say`` are fields of ``Handshakes``, which tries again at most once for each switch. Its client
    shows a certificate of the same authority.
    Returns how long after each switch the first handshake showed the new certificate, in seconds.
    """
    await bench.rotated()
    context = handshakes.context(bench.ca, bench.ca.svid("spiffe://td.example/client"))
    load, took = Handshakes(program.port, context, **say), []
    with load.running():
        for _ in range(times):
            serial = await bench.rotated()
            took.append(await _first_seen(load, serial) - _switched(bench))
    assert load.failures == [], load.failures[:3]
    assert load.repeated <= times
    assert handshakes.furthest_back(load.serials, bench.shown) <= 1
    assert bench.line.rollbacks == 0
    return took


async def _first_seen(load: Handshakes, serial: str) -> float:
    await eventually(lambda: serial in load.first_seen or bool(load.failures), _PATIENCE)
    assert load.failures == [], load.failures[:3]
    return load.first_seen[serial]


def _switched(bench: Bench) -> float:
    assert bench.line.last_write is not None
    return bench.line.last_write.timestamp()
