"""The sections that a running agent takes over, as another process has checked them."""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import accredit
from accredit.agent.bundle_endpoint.settings import EndpointSettings
from accredit.agent.output_plan import OutputPlan
from accredit.authority.federation.relationship import FederationSettings
from accredit.identity.errors import ConfigError, Mistake

_CHECK_SECONDS = 60
GREETING = f"accredit {accredit.__version__}\n".encode()
"""What an answer begins with: pickle would take one of another version for one of ours."""


class Section(NamedTuple):
    """What ``federation`` and ``outputs`` come to."""

    federation: FederationSettings
    endpoint: EndpointSettings | None
    outputs: tuple[OutputPlan, ...]


async def read_settings(config: Path) -> Section:
    """Return the file's federation and outputs, checked with the whole of it.

    Raises:
        ConfigError: every mistake in the file.
    """
    child = await _started(config)
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            answer, _ = await child.communicate()
    except TimeoutError:
        raise _unchecked(config) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise _unchecked(config)
    section, mistakes = _read(config, answer)
    if mistakes:
        raise ConfigError(mistakes)
    return section


async def _started(config: Path) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            # -P: not what somebody may have put into the working folder.
            *(sys.executable, "-P", "-m", "accredit.agent.federation_check", str(config)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise _unchecked(config, (error.strerror or str(error)).lower()) from error


def _read(config: Path, answer: bytes) -> tuple[Section, Sequence[Mistake]]:
    if not answer.startswith(GREETING):
        raise _unchecked(config, "another version is installed by now; restart the agent")
    section, mistakes = pickle.loads(answer.removeprefix(GREETING))  # noqa: S301  of our own child
    return section, mistakes


def _unchecked(config: Path, reason: str = "the reason is above") -> ConfigError:
    return ConfigError([Mistake(str(config), None, "", f"cannot be checked: {reason}")])
