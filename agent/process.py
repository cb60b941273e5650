"""From a configuration file to an exit code."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from accredit.agent import logs
from accredit.agent.config import Config, load_config
from accredit.agent.run import run
from accredit.agent.sd_notify import SystemdNotifier
from accredit.identity.errors import AccreditError

_logger = logging.getLogger(__name__)


def main(path: Path) -> int:
    """Run the agent that the file at ``path`` describes; return the process's exit code.

    Raises:
        ConfigError: the file has mistakes.
    """
    notifier = SystemdNotifier.from_environment()
    config = load_config(path).config
    logs.setup(config.logging.level, config.logging.format)
    return asyncio.run(_run(config, path, notifier))


async def _run(config: Config, path: Path, notifier: SystemdNotifier) -> int:
    # Deferred, so that mistakes in the file are told before half a second of imports.
    from accredit.agent.wiring import wired  # noqa: PLC0415

    try:
        async with wired(config, path) as agent:
            return await run(agent, notifier)
    except AccreditError as error:
        _logger.error("cannot start", extra={"error": str(error)})  # noqa: TRY400  told in one line
        return 1
