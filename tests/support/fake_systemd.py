"""A systemd that answers on a private bus, of versions and kinds that no machine here has."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from accredit.attestation.attestor import WorkloadAttestor
from accredit.attestation.caller import KernelCaller

NAME = "org.freedesktop.systemd1"
_UNIT_PATH = f"/{NAME.replace('.', '/')}/unit/"

Answer = Message | None
Handler = Callable[[Message], Answer]


@dataclass
class FakeSystemd:
    """Knows the units of pids; counts what it was asked.

    ``instead`` answers a method in its own way; None from it is silence.
    """

    units: dict[int, dict[str, Any]] = field(default_factory=dict)
    takes_pidfds: bool = True
    instead: dict[str, Handler] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(self, pid: int, name: str, **facts: Any) -> None:
        """Say that the process is in the unit of that name."""
        usual = {"Id": name, "FragmentPath": f"/etc/{name}", "InvocationID": bytes(range(16))}
        placed = {"Slice": "system.slice", "ControlGroup": f"/system.slice/{name}"}
        self.units[pid] = {**usual, **placed, **facts}

    def answer(self, message: Message) -> Message | bool:
        """Answer a call, as the library's handlers do."""
        if message.message_type is not MessageType.METHOD_CALL:
            return False
        member = str(message.member)
        self.asked.append(member)
        if member in self.instead:
            return self.instead[member](message) or True
        if member == "GetUnitByPID":
            return self._by_pid(message, message.body[0])
        if member == "GetUnitByPIDFD" and self.takes_pidfds:
            return self._by_pidfd(message)
        if member == "Get":
            return self._property(message)
        return Message.new_error(
            message, "org.freedesktop.DBus.Error.UnknownMethod", f"no {member}"
        )

    def _by_pid(self, message: Message, pid: int) -> Message:
        if pid not in self.units:
            return Message.new_error(
                message, f"{NAME}.NoUnitForPID", f"PID {pid} does not belong to any unit"
            )
        return Message.new_method_return(message, "o", [f"{_UNIT_PATH}{pid}"])

    def _by_pidfd(self, message: Message) -> Message:
        (pidfd,) = message.unix_fds
        try:
            lines = Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines()
        finally:
            os.close(pidfd)
        pid = next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))
        found = self._by_pid(message, pid)
        if found.message_type is MessageType.ERROR:
            return found
        unit = self.units[pid]
        body = [*found.body, unit["Id"], unit["InvocationID"]]
        return Message.new_method_return(message, "osay", body)

    def _property(self, message: Message) -> Message:
        interface, name = message.body
        unit = self.units[int(str(message.path).rpartition("/")[2])]
        kind = "Unit"
        if name in {"Slice", "ControlGroup"}:
            kind = str(unit["Id"]).rpartition(".")[2].capitalize()
        assert interface == f"{NAME}.{kind}"
        value = unit[name]
        if isinstance(value, Variant):
            return Message.new_method_return(message, "v", [value])
        signature = "ay" if isinstance(value, bytes) else "s"
        return Message.new_method_return(message, "v", [Variant(signature, value)])


async def values(attestor: WorkloadAttestor, caller: KernelCaller) -> set[str]:
    """Return all that it knows of the caller; it must have been able to look."""
    evidence = await attestor.attest(caller)
    assert not evidence.partial
    return {str(selector) for selector in evidence.selectors}


@contextlib.asynccontextmanager
async def on_bus(systemd: FakeSystemd, socket: Path) -> AsyncIterator[MessageBus]:
    """Let it answer under its name meanwhile."""
    bus = MessageBus(f"unix:path={socket}", negotiate_unix_fd=True)
    bus.add_message_handler(systemd.answer)
    await bus.connect()
    await bus.request_name(NAME)
    try:
        yield bus
    finally:
        bus.disconnect()
        with contextlib.suppress(EOFError, OSError):
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # nothing
