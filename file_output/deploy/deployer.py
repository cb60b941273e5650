"""Does what the state machine decides, for one output, for as long as accredit runs."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from accredit.file_output.deploy.disk import Disk
from accredit.file_output.deploy.machine import Deployment, Step
from accredit.file_output.fileset import FileSet
from accredit.file_output.ledger import Line
from accredit.file_output.recipe import Recipe
from accredit.file_output.tell.way import Way, Written
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError
from accredit.rotation.alarm import Alarm
from accredit.rotation.schedule import Backoff

_logger = logging.getLogger(__name__)
_BACKOFF = Backoff()
_random = random.SystemRandom()


class Deployer:
    """One output's files, program and line of the ledger. ``run`` may run once."""

    def __init__(
        self, recipe: Recipe, disk: Disk, clock: Clock, line: Line, backoff: Backoff = _BACKOFF
    ) -> None:
        self._recipe = recipe
        self._disk = disk
        self._clock = clock
        self._line = line
        self._backoff = backoff
        self._machine = Deployment()
        self._sets: dict[str, FileSet] = {}
        self._read = ""
        self._alarm = Alarm(clock)

    def offer(self, files: FileSet) -> None:
        """Have this set deployed; the newest wins."""
        self._sets[files.version] = files
        self._line.wanted = files.version
        self._machine.offer(files.version)
        self._alarm.bring_forward(self._clock.now())

    async def run(self) -> None:
        """Deploy what is offered, and try again what fails, until cancelled."""
        await self._recall()
        while True:
            self._tell_of_expiry()
            if self._machine.step.rests:
                await self._rest()
            else:
                await self._act(self._machine.step)

    async def _recall(self) -> None:
        """Learn what is on disk, so that there is a way back from the first set too."""
        found = await self._disk.found()
        if found is not None:
            self._sets.setdefault(found.version, found)
            self._machine.good = self._line.on_disk = self._line.version = found.version
            self._line.serial, self._line.not_after = found.serial, found.not_after

    async def _rest(self) -> None:
        next_try = self._line.next_try
        times = (when for when in (next_try, self._expiry()) if when is not None)
        await self._alarm.wait(min(times, default=None))
        if next_try is not None and self._clock.now() >= next_try:
            self._machine.due()

    async def _act(self, step: Step) -> None:
        if step is Step.WRITE:
            self._line.begins(self._clock.now())
            self._forget()
        self._line.step = step
        try:
            await self._work(step)()
        except AccreditError as error:
            self._failed(step, str(error))
        except OSError as error:
            # Such as no file descriptors left: a reason to try again, not to end.
            self._failed(step, (error.strerror or str(error)).lower())
        else:
            self._succeeded(step)

    def _work(self, step: Step) -> Callable[[], Coroutine[Any, Any, None]]:
        work: dict[Step, Callable[[], Coroutine[Any, Any, None]]] = {
            Step.WRITE: self._write,
            Step.VALIDATE: lambda: self._tell(self._recipe.validate, self._machine.trying),
            Step.RELOAD: lambda: self._reload(self._machine.trying),
            Step.VERIFY: lambda: self._tell(self._recipe.verify, self._machine.trying),
            Step.RETURN: self._go_back,
            Step.RELOAD_AGAIN: lambda: self._reload(self._machine.good),
            Step.VERIFY_AGAIN: lambda: self._tell(self._recipe.verify, self._machine.good),
        }
        return work[step]

    async def _write(self) -> None:
        files = self._sets[self._machine.trying]
        switched = await self._disk.switch(files)
        self._line.drift = switched.drift
        self._line.on_disk = files.version
        if switched.drift:
            extra = {"output": self._line.name, "drift": switched.drift}
            _logger.warning("files were not as they had been left", extra=extra)

    async def _go_back(self) -> None:
        files = self._sets[self._machine.good]
        await self._disk.go_back(files)
        self._line.on_disk = files.version

    async def _reload(self, version: str) -> None:
        # Until it has succeeded nobody knows what the program has read.
        before, self._read = self._sets.get(self._read), ""
        await self._recipe.reload.tell(self._written(version, before))
        self._read = version

    async def _tell(self, way: Way, version: str) -> None:
        await way.tell(self._written(version))

    def _written(self, version: str, before: FileSet | None = None) -> Written:
        return Written(self._disk.folder, self._sets[version], self._recipe.files, before)

    def _succeeded(self, step: Step) -> None:
        now = self._clock.now()
        self._line.done(step, now)
        self._machine.done()
        if step is Step.VERIFY:
            files = self._sets[self._machine.trying]
            self._line.served(files, now)
            extra = {"output": self._line.name, "serial": files.serial, "version": files.version}
            _logger.info("files are deployed", extra=extra)
        self._plan(now)

    def _failed(self, step: Step, reason: str) -> None:
        now = self._clock.now()
        self._line.failed(step, reason, now)
        self._machine.failed(may_return=self._may_return(now))
        extra = {"output": self._line.name, "step": str(step), "reason": reason}
        extra["next"] = str(self._machine.step)
        _logger.error("files could not be deployed", extra=extra)
        self._plan(now)

    def _plan(self, now: datetime) -> None:
        """Say when to try again, if waiting is what comes next."""
        self._line.attempts = failures = self._machine.failures
        self._line.step = self._machine.step
        if self._machine.step is Step.WAIT:
            jitter = _random.uniform(-1, 1)
            self._line.next_try = self._backoff.retry_time(now, failures, jitter, self._good_ends())

    def _forget(self) -> None:
        """Let go of sets, which hold keys, that nobody will ask for again."""
        machine = self._machine
        needed = {machine.good, machine.trying, machine.wanted, self._read}
        for version in self._sets.keys() - needed:
            del self._sets[version]

    def _good_ends(self) -> datetime | None:
        good = self._sets.get(self._machine.good)
        return None if good is None else good.not_after

    def _may_return(self, now: datetime) -> bool:
        ends = self._good_ends()
        return ends is None or now < ends

    def _expiry(self) -> datetime | None:
        """Return when to say that what is served, or is to be read, has expired."""
        if self._line.expired:
            return None
        read = self._sets.get(self._line.on_disk)
        ends = (self._good_ends(), None if read is None else read.not_after)
        return min((end for end in ends if end is not None), default=None)

    def _tell_of_expiry(self) -> None:
        expiry = self._expiry()
        if expiry is not None and self._clock.now() >= expiry:
            self._line.expired = True
            extra = {"output": self._line.name, "serial": self._line.serial, "ended": expiry}
            _logger.error("the certificate in the files has expired", extra=extra)
