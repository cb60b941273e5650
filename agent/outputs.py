"""The outputs of the configuration at work: a component of the agent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from accredit.agent.output_plan import OutputPlan
from accredit.file_output.ledger import Ledger
from accredit.identity.clock import Clock

if TYPE_CHECKING:
    from accredit.agent.output_group import AtWork, Feed, OutputGroup

_logger = logging.getLogger(__name__)
_PATIENCE_SECONDS = 10


class Outputs:
    """Keeps the files of all outputs fresh until cancelled; the files stay.

    What goes wrong with one is written in its line of ``ledger`` and tried again; it concerns
    neither the others nor who runs them. ``ready`` is set when each has tried to write its first
    files, or has none to write; or could not tell for ten seconds. An agent without outputs does
    not load what they are made of.
    """

    name = "outputs"

    def __init__(
        self, plans: Sequence[OutputPlan], feed: Callable[[OutputPlan], Feed], clock: Clock
    ) -> None:
        self._plans = tuple(plans)
        self._feed = feed
        self._clock = clock
        self.ledger = Ledger()
        self.ready = asyncio.Event()
        self._asked = asyncio.Event()
        for plan in self._plans:
            self.ledger.line(plan.name)

    def apply(self, plans: Sequence[OutputPlan]) -> None:
        """Have these instead, soon; those that are the same are not disturbed."""
        self._plans = tuple(plans)
        self._asked.set()

    async def run(self) -> None:
        """Do it."""
        if not self._plans:
            self.ready.set()
            await self._asked.wait()
        from accredit.agent.output_group import OutputGroup  # noqa: PLC0415  see above

        async with asyncio.TaskGroup() as tasks:
            group = OutputGroup(self._feed, self._clock, tasks, self.ledger)
            while True:
                self._asked.clear()
                await self._want(group)
                await self._asked.wait()

    async def _want(self, group: OutputGroup) -> None:
        from accredit.agent.output_start import all_set  # noqa: PLC0415  see above

        before = {name: each.plan for name, each in group.at_work.items()}
        started = await group.want(self._plans)
        for each in started:
            _advise(each)
        if not self.ready.is_set():
            await all_set([each.tried for each in started], _PATIENCE_SECONDS)
            self.ready.set()
        elif changes := _changes(before, {each.name: each for each in self._plans}):
            _logger.info("outputs reloaded", extra=changes)


def _changes(before: dict[str, OutputPlan], after: dict[str, OutputPlan]) -> dict[str, object]:
    """Return the names of outputs that are new, gone and other, where there are any."""
    both = before.keys() & after.keys()
    found = {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": sorted(name for name in both if before[name] != after[name]),
    }
    return {what: names for what, names in found.items() if names}


def _advise(each: AtWork) -> None:
    from accredit.file_output.advice import advice  # noqa: PLC0415  see above

    if said := advice(each.plan.folder):
        _logger.info("advice", extra={"output": each.plan.name, "advice": said})
