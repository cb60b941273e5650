"""Follows a sidecar file, and passes on each new bootstrap that is fit to run."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from accredit.authority.path_watch import PathWatch
from accredit.authority.rereading import Rereading
from accredit.identity.errors import AccreditError, ConfigError, Mistake

_logger = logging.getLogger(__name__)

Judge = Callable[[str], Awaitable[str]]


@contextmanager
def watching(file: Path) -> Iterator[PathWatch | None]:
    """Watch ``file`` and all that leads to it; None where the kernel does not let us."""
    try:
        watch = PathWatch(lambda: (file,), None, lambda _: False)
    except OSError as error:
        _logger.warning(
            "sidecar file not watched: it is read on SIGHUP only", extra={"error": error.strerror}
        )
        yield None
    else:
        with watch:
            yield watch


async def require_fit(file: Path, text: str, judge: Judge) -> None:
    """Let ``judge`` say what Envoy has against the bootstrap ``text`` of ``file``.

    Raises:
        ConfigError: it would be refused.
    """
    if reason := await judge(text):
        raise ConfigError([Mistake(str(file), None, "", f"refused by Envoy: {reason}")])


class SidecarSource:
    """Reads with ``make``, which raises for mistakes. What is wrong changes nothing."""

    def __init__(
        self, file: Path, watch: PathWatch | None, make: Callable[[], Awaitable[str]]
    ) -> None:
        self._file = file
        self._watch = watch
        self._make = make
        self._rereading = Rereading()

    def reload(self) -> None:
        """Ask for the file to be read soon, and passed on even if it has not changed."""
        self._rereading.ask()

    async def read(self) -> str:
        """Return the bootstrap of the file as it is now.

        Raises:
            ConfigError: it has mistakes.
        """
        if self._watch is not None:
            self._watch.sync()
        return await self._make()

    async def follow(self, known: str, judge: Judge, want: Callable[[str], None]) -> None:
        """Pass on each bootstrap that differs from the last, ``known`` at first."""
        while True:
            await self._rereading.next(self._watch)
            asked = self._rereading.take()
            try:
                text = await self.read()
                if text != known:
                    await require_fit(self._file, text, judge)
            except AccreditError as error:
                for line in str(error).splitlines():
                    _logger.error("change not taken over", extra={"error": line})  # noqa: TRY400
                continue
            if text != known or asked:
                known = text
                want(text)
