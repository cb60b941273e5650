"""The sections that a running agent takes over, as another process has checked them."""

from __future__ import annotations

import asyncio
import pickle
import sys
from pathlib import Path
from typing import NamedTuple

from accredit.agent.bundle_endpoint.settings import EndpointSettings
from accredit.agent.output_plan import OutputPlan
from accredit.authority.federation.relationship import FederationSettings
from accredit.identity.errors import ConfigError, Mistake

_CHECK_SECONDS = 60


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
    child = await asyncio.create_subprocess_exec(
        # -P: not what somebody may have put into the working folder.
        *(sys.executable, "-P", "-m", "accredit.agent.federation_check", str(config)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
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
    section, mistakes = pickle.loads(answer)  # noqa: S301  of our own child
    if mistakes:
        raise ConfigError(mistakes)
    assert isinstance(section, Section)  # noqa: S101  see federation_check
    return section


def _unchecked(config: Path) -> ConfigError:
    return ConfigError([Mistake(str(config), None, "", "cannot be checked; the reason is above")])
