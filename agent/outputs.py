"""The outputs of the configuration at work: a component of the agent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import closing

from accredit.agent.output_plan import OutputPlan
from accredit.agent.output_start import AnnouncedDisk, AnnouncedSource, all_set
from accredit.file_output.advice import advice
from accredit.file_output.deploy.deployer import Deployer
from accredit.file_output.ledger import Ledger
from accredit.file_output.output import Output
from accredit.file_output.source import Source
from accredit.file_output.store import Store, StoreSettings
from accredit.identity.clock import Clock

_logger = logging.getLogger(__name__)
_PATIENCE_SECONDS = 10


class Outputs:
    """Keeps the files of all outputs fresh until cancelled; the files stay.

    What goes wrong with one is written in its line of ``ledger`` and tried again; it concerns
    neither the others nor who runs them. ``ready`` is set when each has tried to write its first
    files, or has none to write; or could not tell for ten seconds.
    """

    name = "outputs"

    def __init__(
        self, plans: Sequence[OutputPlan], source: Callable[[OutputPlan], Source], clock: Clock
    ) -> None:
        self._plans = tuple(plans)
        self._source = source
        self._clock = clock
        self.ledger = Ledger()
        self.ready = asyncio.Event()
        self._tried = {plan.name: asyncio.Event() for plan in self._plans}
        for plan in self._plans:
            self.ledger.line(plan.name)

    async def run(self) -> None:
        """Do it."""
        async with asyncio.TaskGroup() as tasks:
            for plan in self._plans:
                tasks.create_task(self._run(plan), name=f"output {plan.name}")
            await all_set(tuple(self._tried.values()), _PATIENCE_SECONDS)
            self.ready.set()

    async def _run(self, plan: OutputPlan) -> None:
        line, tried = self.ledger.line(plan.name), self._tried[plan.name]
        settings = StoreSettings(folder_mode=plan.folder_mode)
        with closing(Store(plan.folder, self._clock, settings)) as store:
            disk = AnnouncedDisk(store, plan.folder, plan.recipe.files, tried)
            deployer = Deployer(plan.recipe, disk, self._clock, line)
            _advise(plan)
            source = AnnouncedSource(self._source(plan), tried)
            await Output(source, plan.recipe, deployer, self._clock, line).run()


def _advise(plan: OutputPlan) -> None:
    if said := advice(plan.folder):
        _logger.info("advice", extra={"output": plan.name, "advice": said})
