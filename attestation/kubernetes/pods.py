"""One list of pods for all callers: at most one request at a time, and none that nobody needs.

A caller whose container is in the last list, while that is young enough, costs no request. Others
wait for the next answer together, and look again until their patience ends: a container runs before
the kubelet says so. Requests begin half a second apart, and further apart while they fail; who
asks in between hears of the last failure at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NoReturn

from accredit.attestation.kubernetes.pod_list import Found, Place, PodList
from accredit.attestation.kubernetes.settings import KubernetesSettings
from accredit.identity.clock import Clock
from accredit.identity.errors import UnavailableError

_APART = 0.5
_FURTHEST_APART = 8.0

Fetch = Callable[[], Awaitable[PodList]]


class Pods:
    """A component: :meth:`run` does the asking, so that no caller's end cuts off an answer."""

    name = "kubelet"

    def __init__(self, fetch: Fetch, settings: KubernetesSettings, clock: Clock) -> None:
        self._fetch = fetch
        self._patience = settings.patience.total_seconds()
        self._kept = settings.kept.total_seconds()
        self._alone = not settings.container_selectors
        self._clock = clock
        self._wanted = asyncio.Event()
        self._coming: asyncio.Future[PodList | str] | None = None
        self._last: PodList | None = None
        self._read_at = self._not_before = -1e9
        self._failure = ""
        self._failures = 0

    async def run(self) -> None:
        """Answer who waits; never returns."""
        while True:
            await self._wanted.wait()
            await self._until_due()
            self._wanted.clear()
            started = self._clock.monotonic()
            try:
                answer: PodList | str = await self._fetch()
            except UnavailableError as error:
                answer = str(error)
            self._keep(answer, started)

    async def find(self, place: Place) -> Found:
        """Return the pod of who is in that place.

        Raises:
            AttestationError: no pod can be this caller's, however long it waits.
            UnavailableError: the kubelet fails, or does not list the container in good time.
        """
        patience_ends = self._clock.monotonic() + self._patience
        listed = self._recent()
        found = self._found(listed, place) if listed else None
        while found is None:
            listed = await self._next()
            found = self._found(listed, place)
            if found is None and self._clock.monotonic() >= patience_ends:
                _give_up(listed)
        return found

    def _found(self, listed: PodList, place: Place) -> Found | None:
        found = listed.find(place)
        if found is None and self._alone and place.pod_uid is not None:
            pod = listed.pod(place.pod_uid)
            return Found(pod, None) if pod else None
        return found

    def _recent(self) -> PodList | None:
        young = self._clock.monotonic() - self._read_at <= self._kept
        return self._last if young else None

    async def _next(self) -> PodList:
        if self._failures and self._clock.monotonic() < self._not_before:
            raise UnavailableError(self._failure)
        if self._coming is None:
            self._coming = asyncio.get_running_loop().create_future()
            self._wanted.set()
        answer = await asyncio.shield(self._coming)
        if isinstance(answer, str):
            raise UnavailableError(answer)
        return answer

    async def _until_due(self) -> None:
        while (left := self._not_before - self._clock.monotonic()) > 0:
            await self._clock.sleep_until(self._clock.now() + timedelta(seconds=left))

    def _keep(self, answer: PodList | str, started: float) -> None:
        if isinstance(answer, str):
            wait = min(_APART * 2**self._failures, _FURTHEST_APART)
            self._failures = min(self._failures + 1, 10)
            self._not_before = self._clock.monotonic() + wait
            self._failure, self._last = answer, None
        else:
            self._failures, self._not_before = 0, started + _APART
            self._last, self._read_at = answer, started
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.set_result(answer)


def _give_up(listed: PodList) -> NoReturn:
    broken = f"; {len(listed.broken)} pods cannot be read" if listed.broken else ""
    why = f" ({listed.broken[0]})" if broken else ""
    raise UnavailableError(f"the kubelet does not list the caller's container yet{broken}{why}")
