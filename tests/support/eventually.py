"""Waiting for what happens elsewhere: in another process, or in grpcio's threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Return once ``holds`` does; fail if that takes too long."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110  nobody could set an event
            await asyncio.sleep(0.005)
