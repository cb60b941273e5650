"""Components at work for as long as a test needs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol


class Component(Protocol):
    async def run(self) -> Any: ...


@asynccontextmanager
async def running(*components: Component) -> AsyncIterator[None]:
    """Run them meanwhile; one that fails ends the test with its error."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(component.run()) for component in components]
        try:
            yield
        finally:
            for task in started:
                task.cancel()


async def quiet(turns: int = 100) -> None:
    """Let everything that is ready to run do so, and what that makes ready, and so on."""
    for _ in range(turns):
        await asyncio.sleep(0)
