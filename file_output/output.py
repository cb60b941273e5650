"""One output at work: material comes in, files and a program that serves them come out."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import aclosing
from datetime import datetime

from accredit.file_output.deploy.deployer import Deployer
from accredit.file_output.fileset import FileSet
from accredit.file_output.given import look_up
from accredit.file_output.kept_tokens import KeptTokens
from accredit.file_output.ledger import Line
from accredit.file_output.material import Material
from accredit.file_output.recipe import Recipe
from accredit.file_output.render import render
from accredit.file_output.source import Source
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError
from accredit.rotation.alarm import Alarm
from accredit.rotation.schedule import Backoff

_logger = logging.getLogger(__name__)
_BACKOFF = Backoff()
_random = random.SystemRandom()


class Output:
    """Follows a source for as long as it runs."""

    def __init__(
        self, source: Source, recipe: Recipe, deployer: Deployer, clock: Clock, line: Line
    ) -> None:
        self._source = source
        self._recipe = recipe
        self._deployer = deployer
        self._clock = clock
        self._line = line
        self._kept = KeptTokens(recipe.files)
        self._alarm = Alarm(clock)
        self._newest: Material | None = None
        self._retry_at: datetime | None = None
        self._failures = 0

    async def run(self) -> None:
        """Do it until cancelled; a source that ends leaves the last set deployed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._deployer.run(), name=f"deploy {self._line.name}")
            tasks.create_task(self._render_all(), name=f"render {self._line.name}")
            tasks.create_task(self._follow(), name=f"follow {self._line.name}")

    async def _follow(self) -> None:
        async with aclosing(self._source.watch()) as states:
            async for material in states:
                self._newest, self._retry_at = material, None
                self._alarm.bring_forward(self._clock.now())

    async def _render_all(self) -> None:
        while True:
            due = self._retry_at is None or self._clock.now() >= self._retry_at
            if self._newest is None or not due:
                await self._alarm.wait(self._retry_at)
            else:
                await self._offer(self._newest)

    async def _offer(self, material: Material) -> None:
        try:
            files = await asyncio.to_thread(self._render, material, self._clock.now())
        except AccreditError as error:
            self._lacks(str(error), material)
            return
        except OSError as error:
            # Such as no file descriptors left: a reason to try again, not to end.
            self._lacks((error.strerror or str(error)).lower(), material)
            return
        self._kept.made(material, files)
        self._note(files)
        self._failures, self._retry_at = 0, None
        if self._newest is material:
            self._newest = None
        self._deployer.offer(files)

    def _render(self, material: Material, now: datetime) -> FileSet:
        # Passwords and users are looked up each time: they change while accredit runs.
        specs = self._recipe.files
        return render(material, specs, look_up(specs), now, self._kept.fitting(material))

    def _note(self, files: FileSet) -> None:
        line = self._line
        if files.stale and files.stale != line.stale:
            extra = {"output": line.name, "reason": files.stale}
            _logger.warning("a token could not be renewed; the old one stays", extra=extra)
        line.lacking, line.left_out, line.stale = "", files.left_out, files.stale

    def _lacks(self, reason: str, material: Material) -> None:
        """Try again later, as passwords and users come and go; newer material needs no wait."""
        if self._newest is material:
            self._failures += 1
            jitter = _random.uniform(-1, 1)
            self._retry_at = self._clock.now() + _BACKOFF.wait(self._failures, jitter)
        if reason != self._line.lacking:
            self._line.lacking = reason
            extra = {"output": self._line.name, "reason": reason}
            _logger.warning("files cannot be made; those that are there stay", extra=extra)
