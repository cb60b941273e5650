"""Outputs of one Workload API at work, each with its files, and a feed for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from accredit.agent.output_plan import OutputPlan
from accredit.agent.workload_feed import WorkloadFeed
from accredit.agent.workload_source import WorkloadSource
from accredit.file_output.deploy.deployer import Deployer
from accredit.file_output.deploy.disk import Disk
from accredit.file_output.ledger import Ledger, Line, State
from accredit.file_output.output import Output
from accredit.file_output.store import Store, StoreSettings
from accredit.identity.clock import Clock
from accredit.rotation.watcher import Watcher


@dataclass(frozen=True, slots=True)
class AtWork:
    """One output that is being kept fresh."""

    plan: OutputPlan
    source: WorkloadSource
    line: Line
    task: asyncio.Task[None]

    @property
    def served(self) -> bool:
        """Whether the newest set went all the way."""
        return self.line.state is State.SERVED

    @property
    def trouble(self) -> str:
        """Why it is not served, or not renewed; empty if all is well."""
        return self.line.last_error or self.source.problem or self.line.lacking


class OutputGroup:
    """Runs in ``tasks``. ``changes`` is woken at each step of an output."""

    def __init__(self, feed: WorkloadFeed, clock: Clock, tasks: asyncio.TaskGroup) -> None:
        self.ledger = Ledger()
        self.changes = Watcher()
        self.at_work: dict[str, AtWork] = {}
        self._feed = feed
        self._clock = clock
        self._tasks = tasks

    async def want(self, plans: Iterable[OutputPlan]) -> None:
        """Have just these outputs at work; one that has not changed is not disturbed.

        The files of one that is no longer wanted stay.
        """
        by_name = {plan.name: plan for plan in plans}
        await self._end(
            [each for each in self.at_work.values() if each.plan not in by_name.values()]
        )
        for name, plan in by_name.items():
            if name not in self.at_work:
                self._start(plan)
        self.changes.wake()

    async def close(self) -> None:
        """End all of them; their files stay."""
        await self._end(list(self.at_work.values()))

    def _start(self, plan: OutputPlan) -> None:
        source = WorkloadSource(self._feed, plan.wanted, plan.recipe.files, self._clock)
        source.changed = self.changes.wake
        self._feed.follow(self._tasks, x509=source.needs_x509, jwt=source.needs_jwt)
        line = self.ledger.lines[plan.name] = Line(plan.name, changed=self.changes.wake)
        task = self._tasks.create_task(self._work(plan, source, line), name=f"output {plan.name}")
        self.at_work[plan.name] = AtWork(plan, source, line, task)

    async def _end(self, ending: list[AtWork]) -> None:
        for each in ending:
            each.task.cancel()
        if ending:
            await asyncio.wait([each.task for each in ending])
        for each in ending:
            del self.at_work[each.plan.name]
            self.ledger.forget(each.plan.name)

    async def _work(self, plan: OutputPlan, source: WorkloadSource, line: Line) -> None:
        settings = StoreSettings(folder_mode=plan.folder_mode)
        with Store(plan.folder, self._clock, settings) as store:
            disk = Disk(store, plan.folder, plan.recipe.files)
            deployer = Deployer(plan.recipe, disk, self._clock, line)
            output = Output(source, plan.recipe, deployer, self._clock, line)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(source.run(), name=f"tokens of {plan.name}")
                tasks.create_task(output.run(), name=f"files of {plan.name}")
