"""Child processes: started, read line by line, always ended."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

_GRACE_SECONDS = 5


@contextlib.asynccontextmanager
async def child(
    *command: str | Path, log: Path, line: Callable[[str], None] | None = None
) -> AsyncIterator[subprocess.Process]:
    """Run ``command`` until the block ends; stderr goes to ``log``, stdout to ``line`` or there.

    At the end every line that the process wrote has been given to ``line``.
    """
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if line else errors,
            stderr=errors,
            # Ctrl-C is for the demo, which then ends its children in order.
            start_new_session=True,
            limit=1 << 20,
        )
    try:
        async with asyncio.TaskGroup() as tasks:
            if line is not None:
                tasks.create_task(_read(process, line), name=f"read {command[0]}")
            try:
                yield process
            finally:
                await _end(process)
    except BaseExceptionGroup as group:
        # What went wrong in the block is the caller's, unchanged.
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise


async def _read(process: subprocess.Process, line: Callable[[str], None]) -> None:
    assert process.stdout is not None  # noqa: S101  asked for above
    async for raw in process.stdout:
        line(raw.decode(errors="replace"))


async def _end(process: subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
