"""A sidecar file's bootstrap, made in a child process that takes the generator's memory along."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from pathlib import Path

from accredit.identity.errors import ConfigError, Mistake, UnavailableError

_logger = logging.getLogger(__name__)
_PATIENCE = 60


async def bootstrap(file: Path, profile: str) -> str:
    """Return what ``accredit envoy bootstrap`` makes of ``file``; its warnings are logged.

    Raises:
        ConfigError: the file has mistakes.
        UnavailableError: the machine cannot run the child, or not in time.
    """
    arguments = ("envoy", "bootstrap", "--format", "json", "--profile", profile, "--", str(file))
    # -P: what lies in the working folder is not ours to import.
    code, text, said = await _run(sys.executable, "-P", "-m", "accredit", *arguments)
    lines = [line.removeprefix("Error: ") for line in said.splitlines()]
    if code != 0:
        raise ConfigError([_mistake(file, line) for line in lines or ["no bootstrap can be made"]])
    for line in lines:
        _logger.warning("sidecar file", extra={"warning": line.removeprefix("warning: ")})
    return text


def _mistake(file: Path, line: str) -> Mistake:
    place = re.match(rf"{re.escape(str(file))}(?::(\d+))?: ", line)
    if place is None:
        return Mistake(str(file), None, "", line)
    return Mistake(str(file), int(place[1]) if place[1] else None, "", line[place.end() :])


async def _run(*command: str) -> tuple[int | None, str, str]:
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # the terminal's signals are for us
        )
    except OSError as error:
        raise UnavailableError(f"cannot start another process: {error.strerror}") from error
    try:
        async with asyncio.timeout(_PATIENCE):
            out, said = await child.communicate()
    except TimeoutError:
        raise UnavailableError(f"no bootstrap was made within {_PATIENCE} s") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return child.returncode, out.decode(), said.decode(errors="replace")
