"""The end of an Envoy that serves: nobody who was accepted loses anything, within bounds."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

from accredit.envoy.supervise.admin import Admin

_STATS = r"/stats?format=json&filter=^listener\..*\.downstream_cx_(active|total)$"
_PARTS = re.compile(r"\.(?:worker_\d+|main_thread)\.downstream_cx_")
_PAUSE = 0.25
# So long without a connection, old or new, and nobody is about to come.
_QUIET_LOOKS = 4


def connections(answer: Any) -> tuple[int, int]:
    """Return how many connections are open and how many there ever were, but for the admin's."""
    stats = answer.get("stats", []) if isinstance(answer, dict) else []
    open_now = ever = 0
    for each in stats:
        name = str(each.get("name", ""))
        if name.startswith("listener.admin.") or _PARTS.search(name) or "value" not in each:
            continue
        if name.endswith("_active"):
            open_now += each["value"]
        else:
            ever += each["value"]
    return open_now, ever


async def drain(admin: Admin, drain_time: timedelta, rest: timedelta) -> None:
    """Return when nobody is connected any more, or ``drain_time`` and ``rest`` are over.

    For ``drain_time`` new connections are still accepted, while health checks fail and everybody is
    told with their next answer not to come again. Then the ports close, and what is in flight has
    ``rest``. An Envoy that does not answer is not waited for.
    """
    # Health first: from then on every answer says "connection: close".
    if not await admin.post("/healthcheck/fail"):
        return
    if not await admin.post("/drain_listeners?graceful"):
        return
    await _until_quiet(admin, drain_time)
    await admin.post("/drain_listeners")
    await _until_nobody(admin, rest)


async def _until_quiet(admin: Admin, at_most: timedelta) -> None:
    quiet, before = 0, -1
    try:
        async with asyncio.timeout(at_most.total_seconds()):
            while quiet < _QUIET_LOOKS:
                open_now, ever = connections(await admin.get(_STATS))
                quiet = quiet + 1 if not open_now and ever == before else 0
                before = ever
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        pass


async def _until_nobody(admin: Admin, at_most: timedelta) -> None:
    try:
        async with asyncio.timeout(at_most.total_seconds()):
            while connections(await admin.get(_STATS))[0]:  # noqa: ASYNC110  in another process
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        pass
