"""A reload of HAProxy that has come to its end: another worker answers its runtime API.

Until then the old one answers, and what it is told is lost with it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from accredit.file_output.tell.haproxy_cli import Cli
from accredit.file_output.tell.way import Way, Written
from accredit.identity.errors import DeployError

_PID = re.compile(r"^Pid: (\d+)\s*$", re.MULTILINE)
_PAUSE_SECONDS = 0.05
_ONE_LOOK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class WatchedReload:
    """``way``, and then a wait until each of ``sockets`` that had a worker has another one."""

    way: Way
    sockets: tuple[Cli, ...]
    within: timedelta = timedelta(seconds=10)

    async def tell(self, written: Written) -> None:
        """Do it."""
        before = [(cli, await _worker(cli)) for cli in self.sockets]
        await self.way.tell(written)
        await self._until_replaced([(cli, pid) for cli, pid in before if pid])

    async def _until_replaced(self, workers: Sequence[tuple[Cli, str]]) -> None:
        for cli, pid in workers:
            try:
                async with asyncio.timeout(self.within.total_seconds()):
                    while await _worker(cli) in {"", pid}:  # noqa: ASYNC110  nobody tells us
                        await asyncio.sleep(_PAUSE_SECONDS)
            except TimeoutError:
                seconds = self.within.total_seconds()
                raise DeployError(
                    f"haproxy at {cli.address} has no new worker {seconds:g} s after its reload;"
                    " its log says why"
                ) from None

    def __str__(self) -> str:
        return str(self.way)


async def _worker(cli: Cli) -> str:
    """Return the pid of the worker behind a socket, or nothing if nobody can say."""
    try:
        answer = await replace(cli, timeout=min(cli.timeout, _ONE_LOOK)).ask("show info")
    except DeployError:
        return ""
    found = _PID.search(answer)
    return found[1] if found else ""
