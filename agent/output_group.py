"""Outputs at work, each with its files and a source of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from accredit.agent.output_plan import OutputPlan
from accredit.agent.output_start import AnnouncedDisk, AnnouncedSource
from accredit.file_output.deploy.deployer import Deployer
from accredit.file_output.ledger import Ledger, Line, State
from accredit.file_output.output import Output
from accredit.file_output.source import Source
from accredit.file_output.store import Store, StoreSettings
from accredit.identity.clock import Clock
from accredit.rotation.watcher import Watcher


class Feed(Source, Protocol):
    """Where the material of one output comes from."""

    @property
    def problem(self) -> str:
        """Why nothing newer comes; empty while all is well."""
        ...

    async def run(self) -> None:
        """Do what must be done beside ``watch``, until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class AtWork:
    """One output that is being kept fresh; ``tried`` is set once its first files were written.

    Or could not be, or there are none to write.
    """

    plan: OutputPlan
    feed: Feed
    line: Line
    tried: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def served(self) -> bool:
        """Whether the newest set went all the way."""
        return self.line.state is State.SERVED

    @property
    def trouble(self) -> str:
        """Why it is not served, or not renewed; empty if all is well."""
        stale = "; ".join(self.line.stale)
        return self.line.last_error or self.feed.problem or self.line.lacking or stale

    async def run(self, clock: Clock) -> None:
        """Keep it fresh until cancelled; the files stay."""
        plan, line = self.plan, self.line
        settings = StoreSettings(folder_mode=plan.folder_mode)
        with Store(plan.folder, clock, settings) as store:
            disk = AnnouncedDisk(store, plan.folder, plan.recipe.files, self.tried)
            deployer = Deployer(plan.recipe, disk, clock, line)
            source = AnnouncedSource(self.feed, self.tried)
            output = Output(source, plan.recipe, deployer, clock, line)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.feed.run(), name=f"tokens of {plan.name}")
                tasks.create_task(output.run(), name=f"files of {plan.name}")


class OutputGroup:
    """Runs in ``tasks``; ``feed`` makes what an output's material comes from.

    ``changes`` is woken at each step of an output. ``ledger`` is the caller's, if it has one.
    """

    def __init__(
        self,
        feed: Callable[[OutputPlan], Feed],
        clock: Clock,
        tasks: asyncio.TaskGroup,
        ledger: Ledger | None = None,
    ) -> None:
        self.ledger = Ledger() if ledger is None else ledger
        self.changes = Watcher()
        self.at_work: dict[str, AtWork] = {}
        self._feed = feed
        self._clock = clock
        self._tasks = tasks
        self._running: dict[str, asyncio.Task[None]] = {}

    async def want(self, plans: Iterable[OutputPlan]) -> list[AtWork]:
        """Have just these outputs at work, and return those that were started.

        One that has not changed is not disturbed. The files of one that is no longer wanted stay.
        """
        by_name = {plan.name: plan for plan in plans}
        wanted = by_name.values()
        await self._end([each for each in self.at_work.values() if each.plan not in wanted])
        missing = [plan for plan in wanted if plan.name not in self.at_work]
        started = [self._start(plan) for plan in missing]
        self.changes.wake()
        return started

    async def close(self) -> None:
        """End all of them; their files stay."""
        await self._end(list(self.at_work.values()))

    def _start(self, plan: OutputPlan) -> AtWork:
        line = self.ledger.line(plan.name)
        line.changed = self.changes.wake
        one = self.at_work[plan.name] = AtWork(plan, self._feed(plan), line)
        running = self._tasks.create_task(one.run(self._clock), name=f"output {plan.name}")
        self._running[plan.name] = running
        return one

    async def _end(self, ending: list[AtWork]) -> None:
        tasks = [self._running.pop(each.plan.name) for each in ending]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for each in ending:
            del self.at_work[each.plan.name]
            self.ledger.forget(each.plan.name)
