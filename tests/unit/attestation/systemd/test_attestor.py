"""Against a real message bus with a systemd on it that is in the test's hand."""

from __future__ import annotations

import pytest
from support.fake_systemd import FakeSystemd, values

from accredit.attestation.caller import KernelCaller
from accredit.attestation.systemd.attestor import SystemdAttestor

INVOCATION = "000102030405060708090a0b0c0d0e0f"


@pytest.mark.parametrize("takes_pidfds", [True, False])
async def test_a_unit_gives_its_name_file_slice_and_invocation(
    systemd: FakeSystemd, attestor: SystemdAttestor, caller: KernelCaller, takes_pidfds: bool
) -> None:
    systemd.takes_pidfds = takes_pidfds
    systemd.add(caller.pid, "web.service", FragmentPath="/lib/systemd/system/web.service")
    assert await values(attestor, caller) == {
        "systemd:id:web.service",
        "systemd:fragment_path:/lib/systemd/system/web.service",
        "systemd:slice:system.slice",
        f"systemd:invocation_id:{INVOCATION}",
    }


@pytest.mark.parametrize("takes_pidfds", [True, False])
async def test_a_process_without_a_unit_has_no_selectors_and_that_is_no_failure(
    systemd: FakeSystemd, attestor: SystemdAttestor, caller: KernelCaller, takes_pidfds: bool
) -> None:
    systemd.takes_pidfds = takes_pidfds
    assert await values(attestor, caller) == set()


async def test_what_a_unit_does_not_have_is_left_out(
    systemd: FakeSystemd, attestor: SystemdAttestor, caller: KernelCaller
) -> None:
    systemd.add(caller.pid, "init.scope", FragmentPath="", InvocationID=b"", Slice="-.slice")
    assert await values(attestor, caller) == {"systemd:id:init.scope", "systemd:slice:-.slice"}
    systemd.add(caller.pid, "a.slice", InvocationID=b"")
    assert await values(attestor, caller) == {
        "systemd:id:a.slice",
        "systemd:fragment_path:/etc/a.slice",
    }
