"""Callers that come in crowds, or leave midway."""

from __future__ import annotations

import asyncio
import os

import pytest
from dbus_fast import Message
from support import descriptors
from support.calling import Child
from support.eventually import eventually
from support.fake_systemd import FakeSystemd, values

from accredit.attestation.caller import KernelCaller
from accredit.attestation.systemd.attestor import SystemdAttestor
from accredit.identity.errors import AttestationError


async def test_a_caller_that_exits_while_systemd_thinks_is_refused(
    systemd: FakeSystemd, attestor: SystemdAttestor, caller: KernelCaller, child: Child
) -> None:
    systemd.takes_pidfds = False
    systemd.add(caller.pid, "web.service")

    def too_late(message: Message) -> Message:
        child.end()
        return systemd._by_pid(message, message.body[0])

    systemd.instead["GetUnitByPID"] = too_late
    with pytest.raises(AttestationError, match=f"caller {caller.pid} has exited"):
        await attestor.attest(caller)


async def test_who_hangs_up_midway_leaves_nothing_open(
    systemd: FakeSystemd, attestor: SystemdAttestor, caller: KernelCaller
) -> None:
    asked = asyncio.Event()
    systemd.add(caller.pid, "web.service")
    await values(attestor, caller)
    before = descriptors.count()

    def silent(message: Message) -> None:
        os.close(message.unix_fds[0])
        asked.set()

    systemd.instead["GetUnitByPIDFD"] = silent
    async with asyncio.TaskGroup() as group:
        look = group.create_task(attestor.attest(caller))
        await asked.wait()
        look.cancel()
    await eventually(lambda: descriptors.count() == before)


async def test_many_callers_are_asked_about_a_few_at_a_time(
    systemd: FakeSystemd, attestor: SystemdAttestor, caller: KernelCaller
) -> None:
    systemd.add(caller.pid, "web.service")
    most = descriptors.count() + 8 * 4 + 8
    seen = []

    def count(message: Message) -> Message:
        seen.append(descriptors.count())
        return systemd._by_pidfd(message)

    systemd.instead["GetUnitByPIDFD"] = count
    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(attestor.attest(caller))
    assert len(seen) == 100
    assert max(seen) < most
