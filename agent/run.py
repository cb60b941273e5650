"""The life of the process: one TaskGroup, from the first component to the last.

Every component works until it is cancelled. The first one that fails cancels all others and the
process exits with 1: an agent that has lost, say, its rotation must not go on handing out SVIDs
that only age. The supervisor starts it again, and clients reconnect. SIGTERM and SIGINT stop the
components one by one, the last started first, so that the transport drains before what it serves
from goes away; then the process exits with 0. SIGHUP reloads what can be reloaded.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from accredit.identity.errors import AccreditError

_logger = logging.getLogger(__name__)


class Component(Protocol):
    """A part of the agent that works until it is cancelled."""

    @property
    def name(self) -> str:
        """What the logs call it."""
        ...

    async def run(self) -> None:
        """Work; returning is a bug."""
        ...


class Supervisor(Protocol):
    """Who started the process, and wants to know how it is."""

    def ready(self, status: str) -> None:
        """Started, or done with reloading."""
        ...

    def reloading(self) -> None:
        """Reloading, until the next ready."""
        ...

    def stopping(self) -> None:
        """On the way out."""
        ...


@dataclass(frozen=True, slots=True)
class Agent:
    """The wired agent: components in the order they start, and what signals need of it.

    Callers are served once every event of ``started`` is set; ``status`` is one line for the
    supervisor.
    """

    components: Sequence[Component]
    started: Sequence[asyncio.Event]
    reload: Callable[[], None]
    status: Callable[[], str]


async def run(agent: Agent, supervisor: Supervisor) -> int:
    """Run until a signal (returns 0) or until a component fails (returns 1)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, _reload, agent, supervisor)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_forever(component), name=component.name)
                for component in agent.components
            ]
            announcement = group.create_task(_announce(agent, supervisor), name="announcement")
            await stop.wait()
            supervisor.stopping()
            await _stop([*tasks, announcement])
    except Exception as error:  # noqa: BLE001  the one place: a supervisor restarts the process
        explain(error)
        return 1
    _logger.info("stopped")
    return 0


async def _announce(agent: Agent, supervisor: Supervisor) -> None:
    for event in agent.started:
        await event.wait()
    _logger.info("ready", extra={"status": agent.status()})
    supervisor.ready(agent.status())


def _reload(agent: Agent, supervisor: Supervisor) -> None:
    supervisor.reloading()
    agent.reload()
    supervisor.ready(agent.status())


async def _forever(component: Component) -> None:
    await component.run()
    raise RuntimeError(f"{component.name} returned; components run until cancelled")


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    _logger.info("stopping")
    for task in reversed(tasks):
        task.cancel()
        await asyncio.wait([task])


def explain(error: Exception) -> None:
    """Log why the process ends: what was expected in a line each, a bug with its traceback."""
    # A TaskGroup wraps what its tasks raise; several of them may lack the same thing.
    causes = [*_causes(error)]
    if not all(isinstance(each, AccreditError) for each in causes):
        _logger.error("stopped by a bug", exc_info=causes[0] if len(causes) == 1 else error)
        return
    for line in dict.fromkeys(line for each in causes for line in str(each).splitlines()):
        _logger.error("cannot go on", extra={"error": line})


def _causes(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    else:
        yield error
