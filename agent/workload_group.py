"""Outputs of one Workload API at work, and a feed for all of them."""

from __future__ import annotations

import asyncio

from accredit.agent.output_group import OutputGroup
from accredit.agent.output_plan import OutputPlan
from accredit.agent.workload_feed import WorkloadFeed
from accredit.agent.workload_source import WorkloadSource
from accredit.identity.clock import Clock


def workload_group(feed: WorkloadFeed, clock: Clock, tasks: asyncio.TaskGroup) -> OutputGroup:
    """Return an empty group; ``feed`` follows, in ``tasks``, what its outputs come to need."""

    def source(plan: OutputPlan) -> WorkloadSource:
        made = WorkloadSource(feed, plan.wanted, plan.recipe.files, clock)
        made.changed = group.changes.wake
        feed.follow(tasks, x509=made.needs_x509, jwt=made.needs_jwt)
        return made

    group = OutputGroup(source, clock, tasks)
    return group
