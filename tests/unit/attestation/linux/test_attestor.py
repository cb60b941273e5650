from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from support.calling import Child, calling

from accredit.attestation.caller import identify
from accredit.attestation.cgroups.hierarchies import Hierarchies
from accredit.attestation.linux.attestor import LinuxAttestor
from accredit.attestation.linux.settings import LinuxSettings
from accredit.identity.errors import AttestationError

_UNSET = str(2**32 - 1)
_NONE = LinuxSettings(**{field.name: False for field in fields(LinuxSettings)})


@pytest.fixture
def child() -> Iterator[Child]:
    with calling() as child:
        yield child


async def test_what_is_switched_off_is_not_looked_at(child: Child) -> None:
    caller = identify(child.sock)
    assert not (await LinuxAttestor(_NONE).attest(caller)).selectors
    found = await LinuxAttestor(replace(_NONE, login=True)).attest(caller)
    session = Path("/proc/self/sessionid").read_text()
    assert set(map(str, found.selectors)) == ({"linux:no_login"} if session == _UNSET else set())


async def test_each_fact_costs_only_itself(child: Child, tmp_path: Path) -> None:
    gone = tmp_path / "mountinfo"
    gone.write_text(f"1 2 0:1 / {tmp_path}/gone rw - cgroup2 cgroup2 rw\n")
    attestor = LinuxAttestor(LinuxSettings(), Hierarchies(gone), tmp_path)
    found = await attestor.attest(identify(child.sock))
    assert "linux:cgroup" in found.failures
    assert found.retry
    more = await LinuxAttestor(replace(LinuxSettings(), cgroup=False)).attest(identify(child.sock))
    assert found.selectors == more.selectors


async def test_a_dead_caller_is_refused(child: Child) -> None:
    caller = identify(child.sock)
    child.end()
    with pytest.raises(AttestationError, match="has exited"):
        await LinuxAttestor(LinuxSettings()).attest(caller)
