"""Envoy's own judgement of a bootstrap: its validate mode, which starts nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from accredit.envoy.supervise import arguments, words
from accredit.envoy.supervise.folder import write_private
from accredit.envoy.supervise.process import environment
from accredit.identity.errors import UnavailableError

_MAX_OUTPUT = 1 << 20
_PATIENCE = timedelta(seconds=60)
_BOOTSTRAP = "validate.json"


async def validate(envoy: Path, folder: Path, text: str, patience: timedelta = _PATIENCE) -> str:
    """Return why ``envoy`` would refuse the bootstrap ``text``, or "" if it would not.

    ``folder`` is a private one, for a file that is gone afterwards.

    Raises:
        UnavailableError: that program cannot be run.
    """
    path = folder / _BOOTSTRAP
    write_private(path, text)
    try:
        code, output = await _run([str(envoy), *arguments.validate(path)], patience)
    finally:
        path.unlink(missing_ok=True)
    if code == 0:
        return ""
    if code is None:
        return f"Envoy had no answer within {patience.total_seconds():g} s"
    if code < 0:
        return f"Envoy {words.ending(code)} over it"
    return words.refusal(output)


async def version(envoy: Path) -> str:
    """Return the version of ``envoy``, ``unknown`` if it says none.

    Raises:
        UnavailableError: that program cannot be run.
    """
    _, output = await _run([str(envoy), "--version"], _PATIENCE)
    return words.version(output)


async def _run(command: Sequence[str], patience: timedelta) -> tuple[int | None, str]:
    """Return exit code, None if it was killed for being slow, and what it said, both streams."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise UnavailableError(
            f"cannot run {command[0]}: {os.strerror(error.errno or 0)}"
        ) from error
    try:
        async with asyncio.timeout(patience.total_seconds()):
            said = await _said(process)
            return await process.wait(), said.decode(errors="replace")
    except TimeoutError:
        return None, ""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _said(process: asyncio.subprocess.Process) -> bytes:
    """Return the beginning of what it says; the rest is read, so that it can end, and dropped."""
    assert process.stdout is not None  # noqa: S101  asked for above
    said = b""
    while chunk := await process.stdout.read(65536):
        said += chunk[: _MAX_OUTPUT - len(said)]
    return said
