"""Carries out what the generations command, and tells them what happens."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol

from accredit.envoy.supervise import arguments
from accredit.envoy.supervise.arguments import Options
from accredit.envoy.supervise.expected import expected
from accredit.envoy.supervise.folder import RunFolder, write_private
from accredit.envoy.supervise.generations import (
    Action,
    Discard,
    Drain,
    End,
    Event,
    Exited,
    GaveUp,
    Generations,
    Kill,
    Overdue,
    Repair,
    Retire,
    Start,
    StopAsked,
    TookOver,
    Wanted,
)
from accredit.envoy.supervise.process import EnvoyProcess
from accredit.envoy.supervise.running import Running
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError

_logger = logging.getLogger(__name__)


class Announcer(Protocol):
    """Whoever wants to know how the sidecar is, such as systemd."""

    def ready(self, status: str) -> None:
        """It serves."""
        ...

    def reloading(self) -> None:
        """A follower is on its way, until the next ready."""
        ...

    def waiting(self, status: str) -> None:
        """It does not serve yet, and this is why."""
        ...

    def stopping(self) -> None:
        """It is on its way out."""
        ...


class Supervisor:
    """Runs one sidecar's Envoys in ``folder``, a private one that outlives them.

    ``launch`` starts one with the arguments it is given.
    """

    def __init__(
        self,
        launch: Callable[[Sequence[str]], Awaitable[EnvoyProcess]],
        options: Options,
        folder: RunFolder,
        announcer: Announcer,
        clock: Clock,
    ) -> None:
        self._launch = launch
        self._options = options
        self._folder = folder
        self._announcer = announcer
        self._clock = clock
        self._generations = Generations()
        self._running: dict[int, Running] = {}
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    def want(self, text: str) -> None:
        """Let ``text`` be the bootstrap from now on; it has to be fit to run."""
        self._events.put_nowait(Wanted(text))

    def stop(self) -> None:
        """End, losing nothing; asked again, end at once."""
        self._announcer.stopping()
        self._events.put_nowait(StopAsked())

    def pass_on(self, number: signal.Signals) -> None:
        """Send a signal to every Envoy there is."""
        for running in self._running.values():
            running.process.send(number)

    async def run(self) -> str:
        """Run until stopped; return "", or why no Envoy runs any more."""
        async with asyncio.TaskGroup() as tasks:
            try:
                return await self._loop(tasks)
            finally:
                for running in self._running.values():
                    running.process.send(signal.SIGKILL)
                    running.forget()

    async def _loop(self, tasks: asyncio.TaskGroup) -> str:
        while True:
            event = await self._events.get()
            if isinstance(event, Exited):
                self._forget(event.epoch)
            for command in self._generations.handle(event):
                if isinstance(command, End):
                    return command.reason
                await self._carry_out(command, tasks)

    async def _carry_out(self, command: Action, tasks: asyncio.TaskGroup) -> None:
        match command:
            case Start(epoch, text):
                await self._start(epoch, text, tasks)
            case Discard(epoch):
                await self._running[epoch].discard(self._folder.memory)
            case Repair():
                self._repair()
            case GaveUp(reason, again):
                self._give_up(reason, again=again)
            case Retire(epoch):
                self._about(epoch, self._retire(self._running[epoch]), tasks)
            case Drain(epoch):
                self._about(epoch, self._running[epoch].drain(self._options), tasks)
            case Kill(epoch):
                self._running[epoch].process.send(signal.SIGKILL)

    async def _start(self, epoch: int, text: str, tasks: asyncio.TaskGroup) -> None:
        if epoch:
            self._running[epoch - 1].forget()  # it answers no more from here on
            self._announcer.reloading()
        try:
            write_private(self._bootstrap(epoch), text)
            process = await self._launch(self._arguments(epoch))
        except AccreditError as error:
            self._events.put_nowait(Exited(epoch, str(error)))
            return
        _logger.info("Envoy started", extra={"epoch": epoch, "pid": process.pid})
        self._running[epoch] = running = Running(epoch, process, expected(text))
        # Not among its own tasks: it is what tells that the process is gone.
        tasks.create_task(self._wait(running), name=f"end of epoch {epoch}")
        self._about(epoch, self._watch(running), tasks)

    def _forget(self, epoch: int) -> None:
        if gone := self._running.pop(epoch, None):
            gone.forget()
        self._bootstrap(epoch).unlink(missing_ok=True)

    def _bootstrap(self, epoch: int) -> Path:
        return self._folder.path / f"bootstrap-{epoch}.json"

    def _arguments(self, epoch: int) -> list[str]:
        base_id = self._folder.memory.base_id
        return arguments.serve(self._options, self._bootstrap(epoch), base_id, epoch)

    def _about(self, epoch: int, work: Coroutine[Any, Any, None], tasks: asyncio.TaskGroup) -> None:
        self._running[epoch].own(tasks.create_task(work, name=f"epoch {epoch}"))

    async def _wait(self, running: Running) -> None:
        reason = await running.process.ended()
        parent = self._running.get(running.epoch - 1)
        if parent is not None and not parent.listens:
            # It had taken over, and nobody had noticed yet.
            self._events.put_nowait(TookOver(running.epoch))
        self._events.put_nowait(Exited(running.epoch, f"Envoy {reason}"))

    async def _watch(self, running: Running) -> None:
        epoch = running.epoch
        began = self._clock.monotonic()

        def took_over() -> None:
            self._events.put_nowait(TookOver(epoch))

        await running.until_serving(self._clock, took_over, self._announcer.waiting)
        seconds = round(self._clock.monotonic() - began, 2)
        _logger.info("serving", extra={"epoch": epoch, "seconds": seconds})
        self._announcer.ready(f"serving, epoch {epoch}")

    async def _retire(self, running: Running) -> None:
        await running.overdue(self._options)
        self._events.put_nowait(Overdue(running.epoch))

    def _repair(self) -> None:
        if not self._folder.memory.forget_follower():
            _logger.error("this Envoy's shared memory is unknown here: changes need a restart")

    def _give_up(self, reason: str, *, again: bool) -> None:
        _logger.error(
            "change not taken over; the old Envoy serves on",
            extra={"error": reason, "admin": "coming back" if again else "gone until a change"},
        )
        if not again:
            self._announcer.ready(f"serving as before the last change: {reason}")
