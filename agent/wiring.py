"""Joins the parts of the agent, from the entries down to the sockets. No logic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from accredit.agent.endpoint_host import Serving
from accredit.agent.parts.core import opened
from accredit.agent.parts.desk import desk
from accredit.agent.parts.following import following
from accredit.agent.parts.front import front
from accredit.agent.plan import Plan
from accredit.agent.run import Agent


@asynccontextmanager
async def wired(plan: Plan) -> AsyncIterator[Agent]:
    """Yield the agent that ``plan`` describes; nothing of it runs yet.

    Raises:
        ConfigError: the entries have mistakes.
        StoreError: the data folder cannot be used as it is.
        TpmUnavailableError, TpmError: keys are in a TPM, which is away or refuses.
    """
    with opened(plan) as core:
        callers = front(core)
        files = following(core)
        operators = desk(core, callers, files)
        serving: tuple[Serving, ...] = (
            files.endpoint,
            *operators.metrics,
            operators.admin,
            files.outputs,
            *callers.listeners,
        )
        yield Agent(
            components=(
                *(core.authority, core.identities, core.entries),
                *(files.polling, files.reload),
                *callers.working,
                *serving,
            ),
            started=tuple(each.ready for each in serving),
            reload=operators.administration.request_reload,
            status=operators.administration.status_line,
        )
