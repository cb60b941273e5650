"""One Envoy process: started, heard, waited for."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from accredit.envoy.supervise import launcher, words
from accredit.identity.errors import UnavailableError

_CHUNK = 65536
_LINES = 20
_LINE_BYTES = 2000
_OURS = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID")


def environment() -> dict[str, str]:
    """Return our environment without what systemd meant for us alone."""
    return {name: value for name, value in os.environ.items() if name not in _OURS}


class EnvoyProcess:
    """A running Envoy. It dies with us; ``say`` is given its stderr, the last lines are kept."""

    def __init__(self, process: asyncio.subprocess.Process, say: Callable[[bytes], None]) -> None:
        self._process = process
        self._say = say
        self._lines: deque[bytes] = deque(maxlen=_LINES)
        self._rest = b""

    @classmethod
    async def start(
        cls, envoy: Path, say: Callable[[bytes], None], arguments: Sequence[str]
    ) -> EnvoyProcess:
        """Start ``envoy`` in a session of its own: signals of the terminal are for us.

        Raises:
            UnavailableError: the machine cannot start another process.
        """
        starter = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid())]
        try:
            process = await asyncio.create_subprocess_exec(
                *starter,
                str(envoy),
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise UnavailableError(f"cannot start {envoy}: {error.strerror}") from error
        return cls(process, say)

    @property
    def pid(self) -> int:
        """Its process id, the same before and after it has become Envoy."""
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal; without effect on one that is gone."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def ended(self) -> str:
        """Return how it ended, once it has and everything it said has been passed on."""
        assert self._process.stderr is not None  # noqa: S101  asked for above
        while chunk := await self._process.stderr.read(_CHUNK):
            self._say(chunk)
            self._keep(chunk)
        code = await self._process.wait()
        said = words.last_words([line.decode(errors="replace") for line in self._lines])
        return words.ending(code) + (f": {said}" if said else "")

    def _keep(self, chunk: bytes) -> None:
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._lines.extend(line[:_LINE_BYTES] for line in lines[-_LINES:])
        self._rest = rest[:_LINE_BYTES]
