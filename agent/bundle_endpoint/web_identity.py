"""Profile ``https_web``: a certificate from files, read again whenever they change."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Never

from accredit.agent.bundle_endpoint.certificate_files import WebCertificate
from accredit.authority.path_watch import PathWatch
from accredit.identity.clock import Clock
from accredit.identity.errors import ConfigError, UnavailableError
from accredit.identity.moment import rfc3339

_logger = logging.getLogger(__name__)
_POLL = timedelta(minutes=1)


class WebIdentity:
    """A ServerIdentity. Files with any mistake change nothing; what they held before stays.

    ``read`` looks at ``paths`` as they are now.
    """

    name = "bundle endpoint's certificate"

    def __init__(
        self, paths: tuple[Path, ...], read: Callable[[], WebCertificate], clock: Clock
    ) -> None:
        self.ready = asyncio.Event()
        self._paths = paths
        self._read = read
        self._clock = clock
        self._serial = 0
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """Return what shows the newest certificate that would do."""
        if self._context is None:
            raise UnavailableError("the certificate was not read yet")
        return self._context

    async def run(self) -> Never:
        """Follow the files until cancelled.

        Raises:
            ConfigError: they cannot be used at the start.
        """
        self._use(await asyncio.to_thread(self._read))
        self.ready.set()
        try:
            watch = PathWatch(lambda: self._paths, None, lambda _: False)
        except OSError as error:
            _logger.warning(
                "the bundle endpoint's certificate is not watched: it is read once a minute",
                extra={"error": error.strerror},
            )
            await self._poll()
        else:
            with watch:
                await self._follow(watch)

    async def _follow(self, watch: PathWatch) -> Never:
        while True:
            watch.sync()
            await self._read_again()
            await watch.changed()

    async def _poll(self) -> Never:
        while True:
            await self._clock.sleep_until(self._clock.now() + _POLL)
            await self._read_again()

    async def _read_again(self) -> None:
        try:
            found = await asyncio.to_thread(self._read)
        except ConfigError as error:
            _logger.error(  # noqa: TRY400  the text says it all
                "the bundle endpoint's certificate was not reloaded; the last good one stays",
                extra={"error": str(error)},
            )
        else:
            self._use(found)

    def _use(self, found: WebCertificate) -> None:
        self._context = found.context
        serial = found.leaf.serial_number
        if serial == self._serial:
            return
        self._serial = serial
        facts = {"serial": f"{serial:x}", "ends": rfc3339(found.leaf.not_valid_after_utc)}
        _logger.info("the bundle endpoint has a certificate", extra=facts)
        if found.doubt:
            _logger.warning("the bundle endpoint's certificate is odd: %s", found.doubt)
