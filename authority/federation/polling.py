"""Fetches the bundle of each relationship again and again: a component."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from accredit.authority.federation.bundles import FederatedBundles
from accredit.authority.federation.freshness import Held, Origin
from accredit.authority.federation.progress import Progress, describe
from accredit.authority.federation.refresh import Wait, wait
from accredit.authority.federation.relationship import FederationSettings, Relationship
from accredit.identity.clock import Clock
from accredit.identity.errors import BundleError, ResponseError, UnavailableError, X509SvidError
from accredit.identity.spiffe_id import TrustDomain

_logger = logging.getLogger(__name__)
_AT_ONCE = 4


class Fetched(Protocol):
    """A document that was fetched."""

    @property
    def data(self) -> bytes:
        """The document, unparsed."""
        ...

    @property
    def url(self) -> object:
        """Which URL it came from in the end."""
        ...


Fetch = Callable[[Relationship], Awaitable[Fetched]]


class BundlePolling:
    """One task for each relationship. At most four fetch at once, which bounds what they hold.

    ``fetcher`` makes what fetches under given settings, once there is something to fetch.
    """

    name = "federation"

    def __init__(
        self,
        bundles: FederatedBundles,
        settings: FederationSettings,
        fetcher: Callable[[FederationSettings], Fetch],
        clock: Clock,
        jitter: Callable[[], float] = lambda: random.uniform(-1, 1),  # noqa: S311  no secret
    ) -> None:
        self.bundles = bundles
        self._settings = settings
        self._fetcher = fetcher
        self._clock = clock
        self._jitter = jitter
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[TrustDomain, asyncio.Task[None]] = {}
        self._progress = {each: Progress() for each in settings.relationships}

    async def run(self) -> None:
        """Poll until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                self._start_missing()
                await asyncio.Event().wait()
            finally:
                self._group = None

    def apply(self, settings: FederationSettings) -> None:
        """Go on under other settings: a relationship that has ended is not asked again."""
        if settings == self._settings:
            return
        same_bounds = replace(settings, relationships=()) == replace(
            self._settings, relationships=()
        )
        kept = {each for each in settings.relationships if same_bounds and each in self._progress}
        for relationship in self._progress.keys() - kept:
            if task := self._tasks.pop(relationship.trust_domain, None):
                task.cancel()
        self._settings = settings
        self._progress = {
            each: self._progress.get(each, Progress()) for each in settings.relationships
        }
        self.bundles.replace(settings.relationships)
        self._start_missing()

    def describe(self) -> list[dict[str, object]]:
        """Return each relationship, its bundle and its last fetch, as plain data."""
        return [
            describe(each, self.bundles.held(each.trust_domain), progress)
            for each, progress in self._progress.items()
        ]

    def _start_missing(self) -> None:
        if self._group is None:
            return
        missing = [each for each in self._progress if each.trust_domain not in self._tasks]
        fetch = self._fetcher(self._settings) if missing else None
        for each in missing:
            assert fetch is not None  # noqa: S101  as there is something missing
            self._tasks[each.trust_domain] = self._group.create_task(
                self._follow(each, fetch), name=f"federation/{each.trust_domain}"
            )

    async def _follow(self, relationship: Relationship, fetch: Fetch) -> None:
        progress = self._progress[relationship]
        while True:
            async with self._turns:
                await self._poll(relationship, fetch, progress)
            await self._pause(relationship, progress)

    async def _poll(self, relationship: Relationship, fetch: Fetch, progress: Progress) -> None:
        progress.tried = self._clock.now()
        try:
            document = await fetch(relationship)
            warnings = self.bundles.accept(relationship, document.data)
        except (UnavailableError, ResponseError, X509SvidError, BundleError) as error:
            progress.failed(str(error))
            _log_failed(relationship, progress)
        else:
            progress.succeeded()
            held = self.bundles.held(relationship.trust_domain)
            _log_fetched(relationship, document, held, warnings)

    async def _pause(self, relationship: Relationship, progress: Progress) -> None:
        held = self.bundles.held(relationship.trust_domain)
        clock = self._clock
        at_first = held is None or held.origin is not Origin.ENDPOINT
        length = wait(
            self._settings,
            held.bundle.refresh_hint if held else None,
            self._jitter(),
            progress.failures if at_first else 0,
        )
        pause = Wait(clock.now(), clock.monotonic(), length)
        while (left := pause.left(clock.now(), clock.monotonic())).total_seconds() > 0:
            progress.next_try = clock.now() + left
            await clock.sleep_until(progress.next_try)


def _log_failed(relationship: Relationship, progress: Progress) -> None:
    _logger.warning(
        "federated bundle not fetched; the last good one stays",
        extra={**_facts(relationship), "error": progress.error, "failures": progress.failures},
    )


def _log_fetched(
    relationship: Relationship, document: Fetched, held: Held | None, warnings: object
) -> None:
    facts = _facts(relationship) | {"from": str(document.url)}
    if held is not None:
        facts |= {"sequence": held.bundle.sequence, "since": held.since.isoformat()}
    if warnings:
        _logger.warning("federated bundle is odd", extra=facts | {"error": warnings})
    _logger.info("federated bundle fetched", extra=facts)


def _facts(relationship: Relationship) -> dict[str, object]:
    return {
        "trust_domain": str(relationship.trust_domain),
        "url": str(relationship.url),
        "peer": str(relationship.endpoint_spiffe_id or relationship.url.host),
    }
