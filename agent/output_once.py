"""Files made once, for init containers and cron."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

from accredit.agent import logs
from accredit.agent.client import WorkloadApiClient
from accredit.agent.grpcio import be_quiet
from accredit.agent.output_group import AtWork, OutputGroup
from accredit.agent.output_plan import OutputPlan
from accredit.agent.workload_feed import WorkloadFeed
from accredit.agent.workload_group import workload_group
from accredit.file_output.deploy.machine import Step
from accredit.file_output.given import look_up
from accredit.file_output.ledger import State
from accredit.file_output.recipe import Recipe
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError, DeployError
from accredit.rotation.clock import SystemClock
from accredit.workload_api.endpoint import Endpoint


async def once(
    client: WorkloadApiClient, clock: Clock, plans: Sequence[OutputPlan], patience: timedelta
) -> tuple[AtWork, ...]:
    """Return once all outputs are served; each is tried until it has material, and then once.

    Raises:
        ConfigError: this machine has no such user, group or password.
        DeployError: what became of each that is not served.
        UnimplementedError, RequestError: the Workload API cannot give what they need.
    """
    look_up(spec for plan in plans for spec in plan.recipe.files)
    try:
        found = await _attempt(client, clock, plans, patience)
    except ExceptionGroup as group:
        raise expected(group) from None
    if wrong := [_said(each, patience) for each in found if not each.served]:
        raise DeployError("\n".join(wrong))
    return found


async def _attempt(
    client: WorkloadApiClient, clock: Clock, plans: Sequence[OutputPlan], patience: timedelta
) -> tuple[AtWork, ...]:
    async with asyncio.TaskGroup() as tasks:
        feed = WorkloadFeed(client)
        group = workload_group(feed, clock, tasks)
        await group.want(plans)
        settling = tasks.create_task(_settle(group), name="settling")
        await asyncio.wait([settling], timeout=patience.total_seconds())
        settling.cancel()
        found = tuple(group.at_work.values())
        await group.close()
        feed.close()
    return found


async def _settle(group: OutputGroup) -> None:
    """Return once each output is served, or failed and was undone."""
    while not all(each.served or _given_up(each) for each in group.at_work.values()):
        await group.changes.wait()


def _given_up(each: AtWork) -> bool:
    return each.line.state is State.FAILING and each.line.step is Step.WAIT


def _said(each: AtWork, patience: timedelta) -> str:
    if each.line.last_error:
        return f"{each.plan.name}: {each.line.last_error_step}: {each.line.last_error}"
    reason = each.trouble or f"{each.line.step} was not done"
    return f"{each.plan.name}: {reason}, still after {patience.total_seconds():g} s"


def expected(group: ExceptionGroup[Exception]) -> Exception:
    """Return the error in a group that says what to do; the group itself if there is none."""
    for error in group.exceptions:
        found = expected(error) if isinstance(error, ExceptionGroup) else error
        if isinstance(found, AccreditError):
            return found
    return group


def run(
    endpoint: Endpoint, plans: Sequence[OutputPlan], patience: timedelta, *, tell: bool
) -> list[str]:
    """Do it as a process of its own; return a line for each output.

    Without ``tell`` the files are written and the programs left alone. Raises what ``once`` does.
    """
    be_quiet()
    logs.setup("warning", "text", sys.stderr)
    asked = plans if tell else [_written_only(plan) for plan in plans]
    with closing(SystemClock()) as clock:
        client = WorkloadApiClient(endpoint, clock, timeout=patience)
        return [_done(each) for each in asyncio.run(once(client, clock, asked, patience))]


def _written_only(plan: OutputPlan) -> OutputPlan:
    return replace(plan, recipe=Recipe(plan.recipe.files))


def _done(each: AtWork) -> str:
    ends = each.line.not_after
    what = (
        f"serial {each.line.serial}, ends {ends:%Y-%m-%dT%H:%M:%SZ}" if ends else "no certificate"
    )
    left_out = "".join(f"; left out: {reason}" for reason in each.line.left_out)
    return f"{each.plan.folder}: {what}{left_out}"
