"""Snapshots as a test dictates them, for every caller alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from accredit.attestation.workload import Workload
from accredit.rotation.snapshot import Snapshot
from accredit.rotation.token_follower import TokenFollower
from support.tokens import no_tokens


class ScriptedIdentities:
    """Yields the newest published snapshot, as rotation does."""

    def __init__(self, first: Snapshot) -> None:
        self._newest = first
        self._changed = asyncio.Event()

    def publish(self, newest: Snapshot) -> None:
        self._newest = newest
        self._changed.set()
        self._changed = asyncio.Event()

    async def snapshot(self, workload: Workload) -> Snapshot:
        await workload.evidence()
        return self._newest

    def follow_tokens(self) -> TokenFollower:
        return no_tokens()

    async def watch(self, workload: Workload) -> AsyncGenerator[Snapshot, None]:
        await workload.evidence()
        while True:
            changed = self._changed
            yield self._newest
            await changed.wait()
