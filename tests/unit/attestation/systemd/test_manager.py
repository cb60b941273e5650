"""How systemd is asked, and what is made of odd answers; the bus is a real one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, Variant
from support import needs, other_user
from support.fake_systemd import FakeSystemd, on_bus, values
from support.message_bus import message_bus

from accredit.attestation.caller import KernelCaller
from accredit.attestation.systemd.attestor import SystemdAttestor
from accredit.attestation.systemd.settings import SystemdSettings
from accredit.identity.errors import UnavailableError


async def test_a_systemd_that_takes_pidfds_is_never_asked_by_number(
    systemd: FakeSystemd, attestor: SystemdAttestor, caller: KernelCaller
) -> None:
    systemd.add(caller.pid, "web.service")
    await values(attestor, caller)
    await values(attestor, caller)
    assert systemd.asked.count("GetUnitByPIDFD") == 2
    assert "GetUnitByPID" not in systemd.asked


async def test_one_that_does_not_take_them_is_tried_once(
    systemd: FakeSystemd, attestor: SystemdAttestor, caller: KernelCaller
) -> None:
    systemd.takes_pidfds = False
    systemd.add(caller.pid, "web.service")
    await values(attestor, caller)
    await values(attestor, caller)
    assert systemd.asked.count("GetUnitByPIDFD") == 1
    assert systemd.asked.count("GetUnitByPID") == 2


async def test_a_policy_that_does_not_know_pidfds_is_as_good_as_an_older_systemd(
    tmp_path: Path, caller: KernelCaller
) -> None:
    manager = "org.freedesktop.systemd1.Manager"
    denied = f'<deny send_interface="{manager}" send_member="GetUnitByPIDFD"/>'
    fake = FakeSystemd()
    fake.add(caller.pid, "web.service")
    with message_bus(tmp_path, denied) as bus:
        async with on_bus(fake, bus):
            found = await values(SystemdAttestor(SystemdSettings(bus)), caller)
    assert "systemd:id:web.service" in found
    assert "GetUnitByPIDFD" not in fake.asked


def _garbage(message: Message) -> Message:
    return Message.new_method_return(message, "u", [7])


def _odd_name(message: Message) -> Message:
    return Message.new_method_return(message, "osay", ["/unit", "a\nb", b""])


def _error(message: Message) -> Message:
    return Message.new_error(message, "org.example.Broken", "it is\nbroken" + "x" * 999)


@pytest.mark.parametrize(
    "trouble",
    [
        ("GetUnitByPIDFD", _garbage, "GetUnitByPIDFD was answered with a 'u'"),
        ("Get", _garbage, "Get was answered with a 'u'"),
        ("Get", _error, r"systemd: org.example.Broken: 'it is\\nbrokenx+'$"),
        ("GetUnitByPIDFD", _error, "systemd: org.example.Broken"),
        ("GetUnitByPIDFD", _odd_name, "systemd gave 'a.+nb', which is no name and no path"),
    ],
)
async def test_an_answer_that_is_none_is_worth_another_try(
    systemd: FakeSystemd,
    attestor: SystemdAttestor,
    caller: KernelCaller,
    trouble: tuple[str, Any, str],
) -> None:
    method, answer, reason = trouble
    systemd.add(caller.pid, "web.service")
    systemd.instead[method] = answer
    with pytest.raises(UnavailableError, match=reason):
        await attestor.attest(caller)
    systemd.instead.clear()
    assert "systemd:id:web.service" in await values(attestor, caller)


@pytest.mark.parametrize(
    "trouble",
    [
        ("Id", Variant("u", 7), "systemd gave Id as a 'u'"),
        ("FragmentPath", "/a\nb", "systemd gave '/a.nb', which is no name and no path"),
        ("FragmentPath", "/" + "a" * 1024, "which is no name and no path"),
        ("InvocationID", "text", "systemd gave InvocationID as a 's'"),
    ],
)
async def test_a_fact_that_is_none_is_worth_another_try(
    systemd: FakeSystemd,
    attestor: SystemdAttestor,
    caller: KernelCaller,
    trouble: tuple[str, Any, str],
) -> None:
    fact, value, reason = trouble
    systemd.takes_pidfds = False
    systemd.add(caller.pid, "web.service", **{fact: value})
    with pytest.raises(UnavailableError, match=reason):
        await attestor.attest(caller)


async def test_a_bus_without_systemd_is_worth_another_try(
    attestor: SystemdAttestor, caller: KernelCaller
) -> None:
    with pytest.raises(UnavailableError, match="systemd is not on this bus"):
        await attestor.attest(caller)


_DAEMON = 1
_IMPOSTOR = """
import asyncio, sys
from dbus_fast.aio import MessageBus
async def main():
    bus = await MessageBus("unix:path=" + sys.argv[1]).connect()
    print(await bus.request_name("org.freedesktop.systemd1"), flush=True)
    await bus.wait_for_disconnect()
asyncio.run(main())
"""


@pytest.mark.root
async def test_another_user_does_not_answer_for_systemd(caller: KernelCaller) -> None:
    with other_user.folder() as folder, message_bus(folder) as bus:
        bus.chmod(0o666)
        command, how = other_user.python("-c", _IMPOSTOR, bus)
        how |= {"user": _DAEMON, "group": _DAEMON}  # a bus lets in only whom it finds in passwd
        with subprocess.Popen(command, stdout=subprocess.PIPE, **how) as impostor:
            try:
                assert impostor.stdout is not None
                assert b"PRIMARY_OWNER" in impostor.stdout.readline()
                with pytest.raises(UnavailableError, match="systemd on this bus is user 1,"):
                    await SystemdAttestor(SystemdSettings(bus)).attest(caller)
            finally:
                impostor.kill()


_FROM_ANOTHER_NAMESPACE = """
import asyncio, pathlib, socket, sys
from accredit.attestation.caller import identify
from accredit.attestation.systemd.attestor import SystemdAttestor
from accredit.attestation.systemd.settings import SystemdSettings
ours, theirs = socket.socketpair()
attestor = SystemdAttestor(SystemdSettings(pathlib.Path(sys.argv[1])))
asyncio.run(attestor.attest(identify(ours)))
"""


@pytest.mark.root
async def test_a_number_is_not_asked_about_from_another_pid_namespace(
    bus: Path, systemd: FakeSystemd
) -> None:
    """It would be somebody else's there."""
    needs.root()
    systemd.takes_pidfds = False
    asking = await asyncio.create_subprocess_exec(
        *("unshare", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *(sys.executable, "-c", _FROM_ANOTHER_NAMESPACE, bus),
        stderr=subprocess.PIPE,
    )
    _, said = await asking.communicate()
    assert b"the bus counts processes otherwise than we do" in said
    assert "GetUnitByPID" not in systemd.asked
