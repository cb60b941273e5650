"""The lists that wait for a key which is elsewhere, and why some wait longer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import timedelta

from accredit.authority.revocation.crls import Unsigned

_logger = logging.getLogger(__name__)


class Waiting:
    """``due`` are the lists by the key ids of their roots, ``refused`` the reasons of some."""

    def __init__(self) -> None:
        self.due: Mapping[str, Unsigned] = {}
        self.refused: Mapping[str, str] = {}
        self._settled = asyncio.Event()

    def follow(self, due: Mapping[str, Unsigned]) -> None:
        """Have these wait and no others; one that was refused stays refused."""
        self.due = due
        self.refused = {kid: why for kid, why in self.refused.items() if kid in due}
        self._note_settled()

    def refuse(self, unsigned: Unsigned, error: Exception) -> None:
        """Remember that a list was not signed; it is logged the first time only."""
        kid = unsigned.root.kid
        if kid not in self.refused:
            _logger.error(
                "revocation list not signed; trying again", extra={"root": kid, "error": str(error)}
            )
        self.refused = {**self.refused, kid: str(error)}
        self._note_settled()

    def forgive(self, kid: str) -> None:
        """Forget that the list of a root was refused, as its key signs again."""
        self.refused = {each: why for each, why in self.refused.items() if each != kid}

    def untried(self, tried: Collection[str]) -> Unsigned | None:
        """Return one that waits for a key which was not tried."""
        return next((due for kid, due in self.due.items() if kid not in tried), None)

    async def settled(self, patience: timedelta) -> None:
        """Wait until none waits that was not refused, so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience.total_seconds()):
                await self._settled.wait()

    def _note_settled(self) -> None:
        if self.due.keys() <= self.refused.keys():
            self._settled.set()
        else:
            self._settled.clear()
