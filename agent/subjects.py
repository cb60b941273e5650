"""Everyone who has identities of this agent just now, or could have: for a plan of entries."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from accredit.agent.processes import Processes
from accredit.attestation.caller import KernelCaller
from accredit.attestation.connection import AttestedWorkload
from accredit.attestation.facts import facts_of
from accredit.authority.selector_kinds import OUTPUT
from accredit.identity.errors import AttestationError, UnavailableError
from accredit.identity.selector import Selector

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Subject:
    """A process, or an output, which has no pid; ``partial``: some of its selectors are unknown.

    ``connections`` is None for a process that was only looked at.
    """

    name: str
    selectors: frozenset[Selector]
    pid: int | None = None
    uid: int | None = None
    connections: int | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Subjects:
    """Those that could be looked at in time, and how many could not."""

    found: Sequence[Subject]
    missed: int


def outputs(names: Iterable[str]) -> Iterator[Subject]:
    """Yield the outputs of these names."""
    return (Subject(name, frozenset({Selector(OUTPUT, name)})) for name in names)


async def connected(workloads: Sequence[AttestedWorkload], patience: timedelta) -> Subjects:
    """Return each process that is connected, once; those not attested yet are attested."""
    by_process: dict[tuple[int, int], list[AttestedWorkload]] = {}
    for workload in workloads:
        caller = workload.caller
        by_process.setdefault((caller.pid, caller.start_time), []).append(workload)
    found: list[Subject] = []
    gone: list[object] = []
    left = iter(by_process.values())
    with suppress(TimeoutError):
        async with asyncio.timeout(patience.total_seconds()), asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(_look(left, found, gone), name="plan/connected")
    return Subjects(found, len(by_process) - len(found) - len(gone))


async def _look(
    left: Iterator[list[AttestedWorkload]], found: list[Subject], gone: list[object]
) -> None:
    for workloads in left:
        # What is known already makes nobody wait: those who are served shall not wait for this.
        await asyncio.sleep(0)
        try:
            found.append(await _subject(workloads))
        except AttestationError:
            gone.append(workloads)
        except UnavailableError:
            continue


async def _subject(workloads: Sequence[AttestedWorkload]) -> Subject:
    caller: KernelCaller = workloads[0].caller
    evidence = await workloads[0].evidence()
    name = facts_of(caller).name
    return Subject(
        name, evidence.selectors, caller.pid, caller.uid, len(workloads), evidence.partial
    )


async def everybody(
    processes: Processes, those_connected: Sequence[Subject], patience: timedelta
) -> Subjects:
    """Return every live process; of those that are connected what is known of them there."""
    survey = await processes.survey(patience)
    known = {each.pid for each in those_connected}
    others = (
        Subject(each.name, each.evidence.selectors, each.pid, each.uid, None, each.evidence.partial)
        for each in survey.seen
        if each.pid not in known
    )
    return Subjects([*those_connected, *others], survey.missed)
