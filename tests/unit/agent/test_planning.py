"""Who would gain or lose what: outputs and a connected process, under other entries."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.calling import calling
from support.clock import FakeClock
from support.entries import entry
from support.fake_authority import FakeAuthority

from accredit.agent.config import load_config
from accredit.agent.plan import Plan
from accredit.agent.planning import Planning
from accredit.agent.processes import Processes
from accredit.attestation.caller import KernelCaller, identify
from accredit.attestation.connection import AttestedWorkload
from accredit.attestation.evidence import Evidence
from accredit.identity.selector import Selector

_LONG = timedelta(seconds=30)
_OTHER = "entries: [{id: /b, selectors: ['mine:x', 'output:web']}, {id: /a, selectors: ['mine:x']}]"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    path = tmp_path / "accredit.yaml"
    path.write_text(
        "trust_domain: prod.example\ndata_dir: d\nsocket: s\nadmin_socket: a\n"
        f"outputs: [{{name: web, profile: pem, folder: {tmp_path}/web}}]\n"
    )
    path.chmod(0o600)
    return load_config(path).plan(path)


async def _planned(
    plan: Plan,
    workloads: Sequence[AttestedWorkload],
    patience: timedelta = _LONG,
    outputs: Sequence[str] = ("web",),
) -> dict[str, Any]:
    clock = FakeClock()
    authority = FakeAuthority(clock, entry("/w", "output:web"), entry("/x", "mine:x"))
    planning = Planning(
        plan, Processes([], _LONG), authority, lambda: workloads, lambda: outputs, patience
    )
    found = await planning.plan({"documents": [["new.yaml", _OTHER]]})
    assert isinstance(found, dict)
    return found


async def _mine(caller: KernelCaller) -> Evidence:
    assert caller.pid
    return Evidence(frozenset({Selector("mine", "x")}), {"docker": "no answer"}, retry=False)


async def test_outputs_are_among_those_affected(plan: Plan) -> None:
    found = await _planned(plan, [])
    (output,) = found["changes"]
    assert (output["kind"], output["name"], output["pid"]) == ("output", "web", None)
    assert (output["lost"], output["gained"]) == (("spiffe://prod.example/w",), ())
    assert (found["looked_at"], found["losing"], found["missed"]) == (1, 1, 0)


async def test_an_output_that_is_no_longer_at_work_is_not_among_them(plan: Plan) -> None:
    assert (await _planned(plan, [], outputs=["other"]))["changes"] == []


async def test_a_process_with_two_connections_is_one_and_one_that_has_gone_none(plan: Plan) -> None:
    clock = FakeClock()
    with calling() as child, calling() as gone:
        async with asyncio.TaskGroup() as tasks:
            workloads = [
                AttestedWorkload(identify(sock), _mine, tasks, clock)
                for sock in (child.sock, child.sock, gone.sock)
            ]
            gone.end()
            found = await _planned(plan, workloads)
            for each in workloads:
                each.close()
    process = found["changes"][0]
    assert (process["pid"], process["uid"]) == (child.process.pid, os.getuid())
    assert (process["connections"], process["partial"]) == (2, True)
    assert (process["lost"], process["gained"]) == (
        ("spiffe://prod.example/x",),
        ("spiffe://prod.example/a",),
    )
    assert (found["looked_at"], found["missed"]) == (2, 0)


async def test_whoever_cannot_be_attested_in_time_is_counted(plan: Plan) -> None:
    async def hangs(caller: KernelCaller) -> Evidence:
        await asyncio.Event().wait()
        return await _mine(caller)

    with calling() as child:
        async with asyncio.TaskGroup() as tasks:
            workload = AttestedWorkload(identify(child.sock), hangs, tasks, FakeClock())
            found = await _planned(plan, [workload], timedelta(milliseconds=50))
            workload.close()
    assert (found["looked_at"], found["missed"]) == (1, 1)
