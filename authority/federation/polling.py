"""Fetches the bundle of each relationship again and again: a component."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from accredit.authority.federation.bundles import FederatedBundles
from accredit.authority.federation.fetch_log import Fetched, log_failed, log_fetched
from accredit.authority.federation.freshness import Origin
from accredit.authority.federation.progress import Progress, describe
from accredit.authority.federation.refresh import Wait, interval, wait
from accredit.authority.federation.relationship import FederationSettings, Relationship
from accredit.identity.clock import Clock
from accredit.identity.errors import BundleError, ResponseError, UnavailableError, X509SvidError
from accredit.identity.spiffe_id import TrustDomain

_AT_ONCE = 4

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
        self._progress = {
            each: bundles.progress(each.trust_domain) for each in settings.relationships
        }

    async def run(self) -> None:
        """Poll until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                self._start_missing()
                await asyncio.Event().wait()
            finally:
                self._group = None

    @property
    def relationships(self) -> tuple[Relationship, ...]:
        """All of them, as they are now."""
        return self._settings.relationships

    def apply(self, settings: FederationSettings) -> bool:
        """Go on under other settings; tell whether they are others.

        A relationship that has ended is not asked again, and one that is new is asked at once.
        """
        if settings == self._settings:
            return False
        same_bounds = replace(settings, relationships=()) == replace(
            self._settings, relationships=()
        )
        kept = {each for each in settings.relationships if same_bounds and each in self._progress}
        self._stop(self._progress.keys() - kept)
        self._settings = settings
        self._progress = {
            each: self._progress.get(each, Progress()) for each in settings.relationships
        }
        self.bundles.replace(settings.relationships)
        self._start_missing()
        return True

    def fetch_now(self, trust_domain: TrustDomain) -> None:
        """Fetch without waiting for the next turn: this bundle, and whatever it verifies."""
        self._again(
            each for each in self._progress if trust_domain in {each.trust_domain, each.verified_by}
        )

    def retry(self) -> None:
        """Fetch without waiting for the next turn what could not be fetched the last time."""
        self._again(each for each, progress in self._progress.items() if progress.failures)

    def look_again(self) -> None:
        """Read the bootstrap bundles again; one that has changed and counts begins a fetch."""
        for trust_domain in self.bundles.look_again():
            self.fetch_now(trust_domain)

    def describe(self) -> list[dict[str, object]]:
        """Return each relationship, its bundle and its last fetch, as plain data."""
        return [self._describe(*each) for each in self._progress.items()]

    def _describe(self, relationship: Relationship, progress: Progress) -> dict[str, object]:
        held = self.bundles.held(relationship.trust_domain)
        hint = held.bundle.refresh_hint if held else None
        return describe(relationship, held, progress, interval(self._settings, hint))

    def _again(self, relationships: Iterable[Relationship]) -> None:
        self._stop(tuple(relationships))
        self._start_missing()

    def _stop(self, relationships: Iterable[Relationship]) -> None:
        for relationship in relationships:
            if task := self._tasks.pop(relationship.trust_domain, None):
                task.cancel()

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
        progress, failures = self._progress[relationship], 0
        while True:
            async with self._turns:
                await self._poll(relationship, fetch, progress)
            failures = failures + 1 if progress.failures else 0
            await self._pause(relationship, progress, failures)

    async def _poll(self, relationship: Relationship, fetch: Fetch, progress: Progress) -> None:
        try:
            document = await fetch(relationship)
            warnings = self.bundles.accept(relationship, document.data)
        except (UnavailableError, ResponseError, X509SvidError, BundleError) as error:
            progress.failure(self._clock.now(), str(error))
            log_failed(relationship, self.bundles.held(relationship.trust_domain), progress)
        else:
            progress.success(self._clock.now())
            held = self.bundles.held(relationship.trust_domain)
            log_fetched(relationship, document, held, warnings)
        self.bundles.note(relationship.trust_domain, progress)

    async def _pause(self, relationship: Relationship, progress: Progress, failures: int) -> None:
        held = self.bundles.held(relationship.trust_domain)
        clock = self._clock
        at_first = held is None or held.origin is not Origin.ENDPOINT
        length = wait(
            self._settings,
            held.bundle.refresh_hint if held else None,
            self._jitter(),
            # Of this task alone: whoever restarts the agent has done something about it.
            failures if at_first else 0,
        )
        pause = Wait(clock.now(), clock.monotonic(), length)
        while (left := pause.left(clock.now(), clock.monotonic())).total_seconds() > 0:
            progress.next_try = clock.now() + left
            await clock.sleep_until(progress.next_try)
