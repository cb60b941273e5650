"""Looks at callers through the eyes of the system's manager, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from accredit.attestation.caller import KernelCaller
from accredit.attestation.process import Process
from accredit.attestation.systemd.bus import conversation
from accredit.attestation.systemd.manager import Manager
from accredit.attestation.systemd.unit import Unit

# A bus has few places for one user, and they are not all for us.
_AT_ONCE = 8


class Looks:
    """Each look is a conversation of its own on the bus.

    Nothing is held between, so nothing goes stale when the bus or systemd starts anew, and who
    hangs up midway disturbs nobody else.
    """

    def __init__(self, bus: Path) -> None:
        self._bus = bus
        self._manager = Manager()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def at(self, caller: KernelCaller) -> AsyncIterator[tuple[Process, Unit | None]]:
        """Give the caller's process, held open, and the unit it belongs to.

        Raises:
            AttestationError: the caller has exited or changed.
            UnavailableError: systemd cannot be asked just now.
        """
        async with self._slots, conversation(self._bus) as bus:
            with caller.opened() as process:
                yield process, await self._manager.unit_of(process, bus)
