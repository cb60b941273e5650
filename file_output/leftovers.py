"""Sets that are neither current nor previous: removed, but not under the eyes of their readers."""

from __future__ import annotations

import logging
from datetime import timedelta

from accredit.file_output import dirs
from accredit.file_output.folder import Folder
from accredit.file_output.layout import SetName
from accredit.identity.clock import Clock

# However fast sets follow each other, the disk does not fill.
_MAX_LEFT = 64
_logger = logging.getLogger(__name__)


class Leftovers:
    """Remembers since when each set has been neither current nor previous."""

    def __init__(self, clock: Clock, grace: timedelta) -> None:
        self._clock = clock
        self._grace = grace.total_seconds()
        self._since: dict[SetName, float] = {}

    def remove(self, folder: Folder) -> None:
        """Remove sets whose time is over, and the oldest if there are too many.

        One that cannot be removed is logged and tried again: it stops nobody's new certificate.
        """
        now = self._clock.monotonic()
        used = {folder.current, folder.previous}
        left = [name for name in folder.names() if name not in used]
        self._since = {name: self._since.get(name, now) for name in left}
        for name in self._over(left, now):
            try:
                dirs.remove(str(name), folder.sets)
            except OSError as error:
                _logger.warning(
                    "an old set of files cannot be removed",
                    extra={"path": str(folder.path / name.target), "error": error.strerror},
                )

    def _over(self, left: list[SetName], now: float) -> list[SetName]:
        over = [name for name in left if now - self._since[name] >= self._grace]
        young = [name for name in left if name not in over]
        return over + young[: max(0, len(young) - _MAX_LEFT)]
