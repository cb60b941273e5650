"""Log lines about refused connections, so few that nobody can fill a disk with them."""

from __future__ import annotations

import asyncio
import logging

_logger = logging.getLogger(__name__)


class Refusals:
    """Logs the first refusal at once, then for each ``quiet`` seconds how many there were.

    ``total`` counts them all.
    """

    def __init__(self, quiet: float = 10.0) -> None:
        self.total = 0
        self._quiet = quiet
        self._reason = ""
        self._unsaid = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, reason: str) -> None:
        """Note one refusal."""
        self._reason = reason
        self.total += 1
        self._unsaid += 1
        if self._timer is None:
            self._say()

    def close(self) -> None:
        """Say what is unsaid."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unsaid:
            self._log()

    def _say(self) -> None:
        self._timer = None
        if self._unsaid:
            self._log()
            self._timer = asyncio.get_running_loop().call_later(self._quiet, self._say)

    def _log(self) -> None:
        _logger.warning("connections refused", extra={"count": self._unsaid, "error": self._reason})
        self._unsaid = 0
