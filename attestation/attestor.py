"""Asking every attestor about one caller, side by side."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence
from accredit.identity.errors import AttestationError, UnavailableError
from accredit.identity.selector import Selector

_logger = logging.getLogger(__name__)


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

    An attestor that fails, or is not done after ``deadline``, costs its own selectors and no more:
    entries match on a subset, so fewer selectors can only mean fewer identities.

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
    return _joined([task.result() for task in asked])


async def _ask(attestor: WorkloadAttestor, caller: KernelCaller, deadline: timedelta) -> Evidence:
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            return await attestor.attest(caller)
    except (AttestationError, UnavailableError) as error:
        return _failed(attestor, caller, str(error), retry=isinstance(error, UnavailableError))
    except TimeoutError:
        seconds = deadline.total_seconds()
        return _failed(attestor, caller, f"no answer within {seconds:g} seconds", retry=True)


def _failed(
    attestor: WorkloadAttestor, caller: KernelCaller, reason: str, *, retry: bool
) -> Evidence:
    _logger.warning(
        "attestor failed",
        extra={"attestor": attestor.name, "pid": caller.pid, "uid": caller.uid, "error": reason},
    )
    return Evidence(frozenset(), {attestor.name: reason}, retry)


def _joined(answers: Sequence[Evidence]) -> Evidence:
    return Evidence(
        frozenset[Selector]().union(*(answer.selectors for answer in answers)),
        {name: reason for answer in answers for name, reason in answer.failures.items()},
        any(answer.retry for answer in answers),
    )
