"""Live processes, attested as if they had connected: for people who ask what those would get."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from accredit.attestation.attestor import WorkloadAttestor, attest
from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence
from accredit.attestation.facts import facts_of
from accredit.attestation.observed import live_pids, observe
from accredit.identity.errors import AttestationError, UnavailableError

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Seen:
    """One process, and what the attestors found out; ``name`` is what it calls itself."""

    pid: int
    uid: int
    name: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Survey:
    """Those that could be looked at in time, by pid, and how many could not."""

    seen: Sequence[Seen]
    missed: int


class Processes:
    """Asks the agent's attestors, each for at most ``deadline`` a process."""

    def __init__(self, attestors: Sequence[WorkloadAttestor], deadline: timedelta) -> None:
        self._attestors = tuple(attestors)
        self._deadline = deadline

    @property
    def types(self) -> frozenset[str]:
        """The types of selectors there may be."""
        return frozenset(each.name for each in self._attestors)

    async def attest(self, caller: KernelCaller) -> Evidence:
        """Return what all attestors know of it.

        Raises:
            AttestationError: it has exited or changed.
            UnavailableError: this process is out of file descriptors or memory.
        """
        return await attest(caller, self._attestors, self._deadline)

    async def survey(self, patience: timedelta) -> Survey:
        """Look at every process there is, a few at a time; what takes longer is left out.

        Processes that are never served, such as threads of the kernel and the agent itself, are
        none to look at.
        """
        pids = [pid for pid in live_pids() if pid != os.getpid()]
        seen: list[Seen] = []
        left = iter(pids)
        skipped: list[int] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(patience.total_seconds()), asyncio.TaskGroup() as tasks:
                for _ in range(_AT_ONCE):
                    tasks.create_task(self._look(left, seen, skipped), name="survey")
        missed = len(pids) - len(seen) - len(skipped)
        return Survey(sorted(seen, key=lambda each: each.pid), missed)

    async def _look(self, left: Iterator[int], seen: list[Seen], skipped: list[int]) -> None:
        for pid in left:
            try:
                # Let go of at once: it holds a descriptor, and there are thousands.
                seen.append(await self._seen(pid))
            except AttestationError:
                skipped.append(pid)
            except UnavailableError:
                continue

    async def _seen(self, pid: int) -> Seen:
        caller = observe(pid, look_inside=False)
        name = facts_of(caller).name
        return Seen(pid, caller.uid, name, await self.attest(caller))
