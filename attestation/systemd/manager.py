"""Asking the system's manager for the unit of a process."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from accredit.attestation.process import Process
from accredit.attestation.systemd.bus import BusError, Conversation
from accredit.attestation.systemd.unit import Unit, users_manager
from accredit.identity.errors import UnavailableError

_SYSTEMD = "org.freedesktop.systemd1"
_PATH = "/org/freedesktop/systemd1"
_GET = "org.freedesktop.DBus.Properties.Get"
# The interfaces of those kinds of unit that have processes.
_KINDS = {kind: kind.capitalize() for kind in ("service", "scope", "socket", "mount", "swap")}
_NO_UNIT = f"{_SYSTEMD}.NoUnitForPID"
_NO_OWNER = "org.freedesktop.DBus.Error.NameHasNoOwner"
# The bus refuses by itself what its policy, older than systemd, does not name.
_NOT_OFFERED = frozenset(
    f"org.freedesktop.DBus.Error.{name}" for name in ("UnknownMethod", "AccessDenied")
)
_MAX_CHARS = 1024


class _Found(NamedTuple):
    """A unit's object on the bus, and what a systemd that takes pidfds tells at once."""

    path: str
    name: str | None = None
    invocation_id: str | None = None


class Manager:
    """Remembers whether systemd can be asked by pidfd, as it can be from version 253 on."""

    def __init__(self) -> None:
        self._takes_pidfds = True

    async def unit_of(self, process: Process, bus: Conversation) -> Unit | None:
        """Return the unit that ``process``, held open, belongs to; None if it has none.

        Raises:
            UnavailableError: systemd is not there, or gives no answer one could use.
        """
        try:
            owner = await _owner(bus)
            return await _unit(bus, owner, await self._find(process, bus, owner))
        except BusError as error:
            if error.name == _NO_UNIT:
                return None
            raise UnavailableError(f"systemd: {error}") from error

    async def _find(self, process: Process, bus: Conversation, owner: str) -> _Found:
        if self._takes_pidfds:
            try:
                return await _find_by_pidfd(process, bus, owner)
            except BusError as error:
                if error.name not in _NOT_OFFERED:
                    raise
                self._takes_pidfds = False
        return await _find_by_pid(process, bus, owner)


async def _owner(bus: Conversation) -> str:
    """Return who answers for systemd, having seen that it may: any user may own a name elsewhere.

    Asked by that name from now on, nobody else can answer.
    """
    try:
        owner = str(await bus.ask_bus("GetNameOwner", _SYSTEMD, "s"))
    except BusError as error:
        if error.name != _NO_OWNER:
            raise
        raise UnavailableError("systemd is not on this bus") from error
    user = await bus.ask_bus("GetConnectionUnixUser", owner, "u")
    if user not in {0, os.geteuid()}:
        raise UnavailableError(
            f"who answers for systemd on this bus is user {user}, neither root nor the agent's own"
        )
    return owner


async def _find_by_pidfd(process: Process, bus: Conversation, owner: str) -> _Found:
    path, name, invocation = await bus.ask(
        owner,
        _PATH,
        f"{_SYSTEMD}.Manager.GetUnitByPIDFD",
        "h",
        [0],
        descriptors=[process.pidfd],
        expected="osay",
    )
    return _Found(path, _text(name), bytes(invocation).hex())


async def _find_by_pid(process: Process, bus: Conversation, owner: str) -> _Found:
    # The kernel translates a pidfd between pid namespaces, and nobody translates a number.
    ours = await bus.ask_bus("GetConnectionUnixProcessID", bus.own_name, "u")
    if ours != os.getpid():
        raise UnavailableError(
            "the bus counts processes otherwise than we do: from another pid namespace only a"
            " systemd from version 253 on can be asked"
        )
    # The number is this process's own for as long as it lives: whoever holds it looks afterwards.
    method = f"{_SYSTEMD}.Manager.GetUnitByPID"
    (path,) = await bus.ask(owner, _PATH, method, "u", [process.pid], expected="o")
    return _Found(path)


async def _unit(bus: Conversation, owner: str, found: _Found) -> Unit:
    async def get(interface: str, name: str, kind: str) -> Any:
        (value,) = await bus.ask(
            owner, found.path, _GET, "ss", [f"{_SYSTEMD}.{interface}", name], expected="v"
        )
        if value.signature != kind:
            raise UnavailableError(f"systemd gave {name} as a {value.signature[:20]!r}")
        return _text(value.value) if kind == "s" else bytes(value.value)

    name = found.name or await get("Unit", "Id", "s")
    invocation = found.invocation_id
    if invocation is None:
        invocation = (await get("Unit", "InvocationID", "ay")).hex()
    fragment = await get("Unit", "FragmentPath", "s")
    interface = _KINDS.get(name.rpartition(".")[2])
    inside = await get(interface, "Slice", "s") if interface else ""
    # Nobody asks about what is inside other units.
    is_manager = users_manager(name) is not None
    group = await get("Service", "ControlGroup", "s") if is_manager else ""
    return Unit(name, fragment, inside, invocation, group)


def _text(value: str) -> str:
    if len(value) > _MAX_CHARS or not value.isprintable():
        raise UnavailableError(f"systemd gave {value[:100]!r}, which is no name and no path")
    return value
