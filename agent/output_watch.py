"""Files kept fresh for as long as the process runs."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from accredit.agent.client import WorkloadApiClient
from accredit.agent.metrics.settings import MetricsSettings
from accredit.agent.output_group import OutputGroup
from accredit.agent.output_machine import of_machine, shared_folders
from accredit.agent.output_plan import OutputPlan
from accredit.agent.output_problems import problems_of_outputs
from accredit.agent.sd_notify import SystemdNotifier
from accredit.agent.workload_feed import WorkloadFeed
from accredit.agent.workload_group import workload_group
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError

_logger = logging.getLogger(__name__)

Read = Callable[[], Sequence[OutputPlan]]


class OutputWatch:
    """Runs outputs until told to stop. ``read`` returns those that the file asks for now."""

    def __init__(
        self,
        client: WorkloadApiClient,
        clock: Clock,
        read: Read,
        notifier: SystemdNotifier,
        metrics: MetricsSettings | None = None,
    ) -> None:
        self._feed = WorkloadFeed(client)
        self._clock = clock
        self._read = read
        self._notifier = notifier
        self._metrics = metrics
        self._told = asyncio.Event()
        self._stopping = False
        self._started = False

    def stop(self) -> None:
        """Let ``run`` return soon."""
        self._stopping = True
        self._told.set()

    def reload(self) -> None:
        """Have the file read again soon."""
        self._told.set()

    async def run(self, plans: Sequence[OutputPlan]) -> None:
        """Keep ``plans`` fresh, and what the file asks for later; all files stay.

        Raises:
            ExceptionGroup: of errors after which nothing can be kept fresh.
        """
        async with asyncio.TaskGroup() as tasks:
            group = workload_group(self._feed, self._clock, tasks)
            serving = tasks.create_task(self._serve_metrics(group), name="metrics")
            await self._want(group, plans)
            telling = tasks.create_task(self._tell(group), name="status")
            while await self._goes_on():
                await self._take_over(group)
            self._notifier.stopping()
            telling.cancel()
            serving.cancel()
            await group.close()
            self._feed.close()

    async def _serve_metrics(self, group: OutputGroup) -> None:
        if self._metrics is None:
            return
        # Prometheus's library comes with it.
        from accredit.agent.metrics.build import for_file_watch  # noqa: PLC0415

        wrong = partial(problems, group)
        await for_file_watch(self._metrics, wrong, group.ledger, self._clock).run()

    async def _want(self, group: OutputGroup, plans: Sequence[OutputPlan]) -> None:
        for doubt in await asyncio.to_thread(_doubts, plans):
            _logger.warning("probably not meant", extra={"doubt": doubt})
        await group.want(plans)

    async def _goes_on(self) -> bool:
        await self._told.wait()
        self._told.clear()
        return not self._stopping

    async def _take_over(self, group: OutputGroup) -> None:
        if self._started:
            self._notifier.reloading()
        try:
            plans = await asyncio.to_thread(self._read)
        except AccreditError as error:
            for line in str(error).splitlines():
                _logger.error("change not taken over", extra={"error": line})  # noqa: TRY400
        else:
            await self._want(group, plans)
            _logger.info("file read again", extra={"outputs": [plan.name for plan in plans]})
        if self._started:
            self._notifier.ready(status(group))

    async def _tell(self, group: OutputGroup) -> None:
        """Keep the supervisor informed; it counts as started once all outputs are served."""
        said = ""
        while True:
            await group.changes.wait()
            now = status(group)
            if not self._started and all(each.served for each in group.at_work.values()):
                self._started = True
                _logger.info("ready", extra={"status": now})
                self._notifier.ready(now)
            elif now != said:
                self._notifier.waiting(now)
            said = now


def _doubts(plans: Sequence[OutputPlan]) -> list[str]:
    ourselves = os.geteuid(), {os.getegid(), *os.getgroups()}
    of_each = (doubt for plan in plans for doubt in of_machine(plan, *ourselves))
    return [*shared_folders(plans), *of_each]


def problems(group: OutputGroup) -> list[str]:
    """Return what is not in order, in a line each."""
    outputs = group.at_work.values()
    sources = {each.feed.problem for each in outputs} - {""}
    return [*problems_of_outputs(each.line.describe() for each in outputs), *sources]


def status(group: OutputGroup) -> str:
    """Return the state of all outputs in one line."""
    outputs = list(group.at_work.values())
    served = sum(each.served for each in outputs)
    troubles = [f"{each.plan.name}: {each.trouble}" for each in outputs if each.trouble]
    return _one_line([f"{served} of {len(outputs)} outputs served", *troubles])


def _one_line(parts: Iterable[str]) -> str:
    return " ".join("; ".join(parts).split())[:500]
