"""A program's side of a deployment, as good or as bad as a test needs it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from accredit.file_output.tell.way import Written
from accredit.identity.errors import DeployError


@dataclass
class ScriptedWay:
    """Notes what it is told; fails while ``error`` is set, and hangs while ``open`` is not."""

    error: Exception | str = ""
    told: list[Written] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def tell(self, written: Written) -> None:
        self.told.append(written)
        await self.open.wait()
        if isinstance(self.error, Exception):
            raise self.error
        if self.error:
            raise DeployError(self.error)

    @property
    def versions(self) -> list[str]:
        return [written.files.version for written in self.told]
