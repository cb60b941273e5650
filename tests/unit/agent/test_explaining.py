"""Real processes explained, by attestors that say of them what a test wants."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.calling import Child, calling
from support.clock import FakeClock
from support.entries import entry, template
from support.fake_authority import FakeAuthority

from accredit.agent.config import load_config
from accredit.agent.explaining import Explaining
from accredit.agent.plan import Plan
from accredit.agent.processes import Processes
from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence
from accredit.authority.entry_template import Declared
from accredit.identity.errors import NotFoundError, UnavailableError
from accredit.identity.selector import Selector
from accredit.rotation.identities import Identities

_LONG = timedelta(seconds=30)


class Says:
    """Gives the processes in ``pids`` these selectors, and no others any."""

    def __init__(self, kind: str, pids: set[int], *values: str) -> None:
        self.name = kind
        self._pids = pids
        self._selectors = frozenset(Selector(kind, value) for value in values)

    async def attest(self, caller: KernelCaller) -> Evidence:
        return Evidence(self._selectors if caller.pid in self._pids else frozenset())


class Down:
    name = "docker"

    async def attest(self, caller: KernelCaller) -> Evidence:
        raise UnavailableError(f"no answer about {caller.uid}")


@pytest.fixture
def child() -> Iterator[Child]:
    with calling() as child:
        yield child


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    path = tmp_path / "accredit.yaml"
    path.write_text("trust_domain: prod.example\ndata_dir: d\nsocket: s\nadmin_socket: a\n")
    path.chmod(0o600)
    return load_config(path).plan(path)


def _explaining(plan: Plan, *attestors: Any, entries: tuple[Declared, ...] = ()) -> Explaining:
    clock = FakeClock()
    authority = FakeAuthority(clock, *entries)
    identities = Identities(authority, clock)
    return Explaining(plan, Processes(attestors, _LONG), authority, identities)


async def test_the_processes_of_an_image_are_found_and_explained(child: Child, plan: Plan) -> None:
    pid = child.process.pid
    says = Says("docker", {pid}, "image_id:shop/web:1.2", "label:app:web")
    entries = (template("/web/{docker:label:app}"), entry("/x", "docker:label:app:db"))
    explaining = _explaining(plan, says, entries=entries)
    found = await explaining.explain({"image": "shop/web:1.2"})
    (process,) = found["processes"]
    assert (process["pid"], found["more"], found["missed"]) == (pid, 0, 0)
    assert [each["id"] for each in process["matching"]] == ["spiffe://prod.example/web/web"]
    assert process["nearest"][0]["lacks"] == [
        {"wanted": "docker:label:app:db", "reason": "the caller has docker:label:app:web"}
    ]


async def test_the_processes_of_a_unit_are_found(child: Child, plan: Plan) -> None:
    explaining = _explaining(plan, Says("systemd", {child.process.pid}, "id:web.service"))
    for unit in ("web", "web.service"):
        found = await explaining.explain({"unit": unit})
        assert [each["pid"] for each in found["processes"]] == [child.process.pid]
    with pytest.raises(NotFoundError, match=r"no live process has unit web\.socket"):
        await explaining.explain({"unit": "web.socket"})


async def test_an_attestor_that_is_down_is_told_where_nothing_is_found(plan: Plan) -> None:
    with pytest.raises(
        NotFoundError, match=r"has image web; .* looked at; docker: no answer about"
    ):
        await _explaining(plan, Down()).explain({"image": "web"})


async def test_of_many_processes_the_first_are_explained(plan: Plan) -> None:
    with ExitStack() as stack:
        sleeping = [stack.enter_context(subprocess.Popen(["sleep", "1000"])) for _ in range(18)]
        for each in sleeping:
            stack.callback(each.kill)
        pids = {one.pid for one in sleeping}
        found = await _explaining(plan, Says("mine", pids, "x")).explain({"selectors": ["mine:x"]})
    assert [each["pid"] for each in found["processes"]] == sorted(pids)[:16]
    assert found["more"] == 2


async def test_nothing_is_signed_for_who_is_explained(child: Child, plan: Plan) -> None:
    clock = FakeClock()
    authority = FakeAuthority(clock, entry("/x", "mine:x"))
    processes = Processes([Says("mine", {child.process.pid}, "x")], _LONG)
    explaining = Explaining(plan, processes, authority, Identities(authority, clock))
    found = await explaining.explain({"pid": child.process.pid})
    assert len(found["processes"][0]["workload_api"]["svids"]) == 1
    assert authority.signed == 0
