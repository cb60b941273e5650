"""One generation: an Envoy process, and what its bootstrap promises."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from accredit.envoy.supervise import sockets
from accredit.envoy.supervise.admin import Admin
from accredit.envoy.supervise.arguments import Options
from accredit.envoy.supervise.drain import drain
from accredit.envoy.supervise.expected import Expected
from accredit.envoy.supervise.probe import Probe
from accredit.envoy.supervise.process import EnvoyProcess
from accredit.envoy.supervise.shared_memory import SharedMemory
from accredit.identity.clock import Clock

_GRACE = 10.0
_TRIES, _MOMENT = 100, 0.001


class Running:
    """The process of ``epoch``, and the tasks that are about it."""

    def __init__(self, epoch: int, process: EnvoyProcess, expected: Expected) -> None:
        self.epoch = epoch
        self.process = process
        self.expected = expected
        self._tasks: list[asyncio.Task[None]] = []

    def own(self, task: asyncio.Task[None]) -> None:
        """Let ``task`` end with the process."""
        self._tasks.append(task)

    def forget(self) -> None:
        """Cancel what is still at work on a process that is gone."""
        for task in self._tasks:
            task.cancel()

    @property
    def listens(self) -> bool:
        """Whether somebody listens where it does; True if that cannot be known."""
        found = sockets.listening()
        return found is None or self.expected.listening <= found

    async def until_serving(
        self, clock: Clock, took_over: Callable[[], None], waiting: Callable[[str], None]
    ) -> None:
        """Return once it truly serves."""
        await Probe(self.expected, self.epoch, clock).until_serving(took_over, waiting)

    async def drain(self, options: Options) -> None:
        """Let it end without a loss; one that does not end is killed."""
        rest = options.parent_shutdown - options.drain_time
        await drain(Admin(self.expected.admin), options.drain_time, rest)
        self.process.send(signal.SIGTERM)
        await asyncio.sleep(_GRACE)
        self.process.send(signal.SIGKILL)

    async def overdue(self, options: Options) -> None:
        """Return when it should long have been ended by the one that took over."""
        await asyncio.sleep(options.parent_shutdown.total_seconds() + _GRACE)

    async def discard(self, memory: SharedMemory) -> None:
        """Kill it, unless it has taken over: its parent has closed its ports then.

        Never SIGTERM, which a follower passes on to its parent.
        """
        self.process.send(signal.SIGSTOP)
        await self._stopped()
        took_over = self.epoch > 0 and memory.initializing() is False
        self.process.send(signal.SIGCONT if took_over else signal.SIGKILL)

    async def _stopped(self) -> None:
        with suppress(ChildProcessError):
            for _ in range(_TRIES):
                if _has_stopped(self.process.pid):
                    return
                await asyncio.sleep(_MOMENT)


def _has_stopped(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
