"""Asking every attestor about one caller, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence, joined
from accredit.identity.errors import AttestationError, UnavailableError
from accredit.identity.selector import Selector

# Of one attestor. Each of thousands of connections keeps its own, and who is connected may have
# chosen them: groups, and labels of a user's own container.
_MOST_SELECTORS = 2500
_MOST_CHARS = 128 << 10


class WorkloadAttestor(Protocol):
    """One source of evidence about a local process."""

    @property
    def name(self) -> str:
        """The selector type it vouches for."""
        ...

    async def attest(self, caller: KernelCaller) -> Evidence:
        """Return what it knows of ``caller``.

        Raises:
            AttestationError: the caller has exited or changed; nothing known of it counts.
            UnavailableError: it cannot tell just now; asking again may help.
        """
        ...


async def attest(
    caller: KernelCaller, attestors: Sequence[WorkloadAttestor], deadline: timedelta
) -> Evidence:
    """Return what all attestors together know of ``caller``.

    An attestor that fails, is not done after ``deadline``, or tells more than anybody needs, costs
    its own selectors and no more: entries match on a subset, so fewer selectors can only mean fewer
    identities.

    Raises:
        AttestationError: the caller has exited or changed.
        UnavailableError: this process is out of file descriptors or memory.
    """
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(_ask(attestor, caller, deadline), name=f"attest/{attestor.name}")
            for attestor in attestors
        ]
    # Last, so that no evidence gathered about a successor survives.
    caller.require_same()
    return joined([task.result() for task in asked])


def _own(attestor: WorkloadAttestor, evidence: Evidence) -> Evidence:
    """Return what it vouches for: what the configuration's owner alone declares, no caller gets."""
    own = frozenset(each for each in evidence.selectors if each.type == attestor.name)
    if reason := _too_much(own):
        return Evidence(frozenset(), {attestor.name: reason})
    return Evidence(own, evidence.failures, evidence.retry)


def _too_much(own: frozenset[Selector]) -> str | None:
    if len(own) > _MOST_SELECTORS:
        return f"{len(own)} selectors of one caller, more than {_MOST_SELECTORS}"
    chars = sum(len(each.type) + len(each.value) for each in own)
    if chars > _MOST_CHARS:
        return f"selectors of one caller with {chars} characters, more than {_MOST_CHARS}"
    return None


async def _ask(attestor: WorkloadAttestor, caller: KernelCaller, deadline: timedelta) -> Evidence:
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            return _own(attestor, await attestor.attest(caller))
    except TimeoutError:
        reason = f"no answer within {deadline.total_seconds():g} seconds"
        return Evidence(frozenset(), {attestor.name: reason}, retry=True)
    except (AttestationError, UnavailableError) as error:
        retry = isinstance(error, UnavailableError)
        return Evidence(frozenset(), {attestor.name: str(error)}, retry)
