"""A look at real processes, by attestors that are what a test says."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

from support.calling import calling

from accredit.agent.processes import Processes
from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence
from accredit.attestation.observed import observe
from accredit.identity.errors import UnavailableError
from accredit.identity.selector import Selector

_LONG = timedelta(seconds=30)


class Says:
    """Tells a process's pid; of what is in ``down`` it cannot; it hangs for ``stuck``."""

    name = "says"

    def __init__(self, down: int = 0, stuck: int = 0) -> None:
        self._down = down
        self._stuck = stuck
        self.running = self.most = 0

    async def attest(self, caller: KernelCaller) -> Evidence:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if caller.pid == self._stuck:
                await asyncio.Event().wait()
            await asyncio.sleep(0)
        finally:
            self.running -= 1
        if caller.pid == self._down:
            raise UnavailableError("not now")
        return Evidence(frozenset({Selector(self.name, f"pid:{caller.pid}")}))


async def test_every_live_process_is_looked_at_but_the_agent_itself() -> None:
    says = Says()
    with calling() as child:
        survey = await Processes([says], _LONG).survey(_LONG)
        seen = {each.pid: each for each in survey.seen}
        found = seen[child.process.pid]
        assert found.evidence.selectors == {Selector("says", f"pid:{found.pid}")}
        assert (found.uid, found.name.startswith("python")) == (os.getuid(), True)
        assert os.getpid() not in seen
        assert [each.pid for each in survey.seen] == sorted(seen)
        assert survey.missed == 0
    assert 1 <= says.most <= 16


async def test_what_an_attestor_cannot_tell_leaves_the_process() -> None:
    with calling() as child:
        survey = await Processes([Says(down=child.process.pid)], _LONG).survey(_LONG)
        (found,) = [each for each in survey.seen if each.pid == child.process.pid]
        assert found.evidence.failures == {"says": "not now"}


async def test_a_survey_ends_in_time_and_tells_what_it_missed() -> None:
    with calling() as child:
        says = Says(stuck=child.process.pid)
        survey = await Processes([says], _LONG).survey(timedelta(seconds=1))
        assert child.process.pid not in {each.pid for each in survey.seen}
        assert survey.missed >= 1
        assert says.running == 0


async def test_an_observed_process_is_attested_as_a_caller() -> None:
    with calling() as child:
        evidence = await Processes([Says()], _LONG).attest(observe(child.process.pid))
        assert evidence.selectors == {Selector("says", f"pid:{child.process.pid}")}
