"""Federation in the running agent: what fetches, and the configuration's section read again."""

from __future__ import annotations

import asyncio
import logging
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.federation.polling import BundlePolling, Fetch
from accredit.authority.federation.relationship import FederationSettings
from accredit.identity.clock import Clock
from accredit.identity.errors import ConfigError, Mistake

_logger = logging.getLogger(__name__)
_CHECK_SECONDS = 60


def fetcher(authority: EmbeddedAuthority, clock: Clock) -> Callable[[FederationSettings], Fetch]:
    """Return what makes the client of bundle endpoints; only that imports one."""

    def make(settings: FederationSettings) -> Fetch:
        from accredit.authority.federation.fetch import Fetcher  # noqa: PLC0415  see above

        return Fetcher(settings, lambda: authority.bundles, clock).fetch

    return make


class FederationReload:
    """A component that reads the section ``federation`` again when asked.

    A file with any mistake changes nothing. It is checked by another process, which is how this one
    never imports the model of the configuration.
    """

    name = "federation reload"

    def __init__(self, config: Path | None, polling: BundlePolling) -> None:
        self._config = config
        self._polling = polling
        self._asked = asyncio.Event()

    def describe(self) -> list[dict[str, object]]:
        """Return each relationship, its bundle and its last fetch, as plain data."""
        return self._polling.describe()

    def reload(self) -> None:
        """Ask for the file to be read soon; what comes of it is logged."""
        self._asked.set()

    async def run(self) -> None:
        """Reload when asked, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            if self._config is not None:
                await self._read(self._config)

    async def _read(self, config: Path) -> None:
        try:
            settings = await read_settings(config)
        except ConfigError as error:
            _logger.error(  # noqa: TRY400  the text says it all
                "federation not reloaded; the last good relationships stay",
                extra={"error": str(error)},
            )
        else:
            self._polling.apply(settings)


async def read_settings(config: Path) -> FederationSettings:
    """Return the file's federation, checked with the whole of it.

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
    settings, mistakes = pickle.loads(answer)  # noqa: S301  of our own child
    if mistakes:
        raise ConfigError(mistakes)
    assert isinstance(settings, FederationSettings)  # noqa: S101  see federation_check
    return settings


def _unchecked(config: Path) -> ConfigError:
    return ConfigError([Mistake(str(config), None, "", "cannot be checked; the reason is above")])
