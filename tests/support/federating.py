"""A federation with one partner, whose endpoint a test runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from accredit.authority.federation.bundles import FederatedBundles
from accredit.authority.federation.endpoint_url import EndpointUrl
from accredit.authority.federation.fetch import Fetcher
from accredit.authority.federation.polling import BundlePolling
from accredit.authority.federation.relationship import FederationSettings, Profile, Relationship
from accredit.identity.bundle import TrustBundle, encode_bundle
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from support.clock import FakeClock
from support.eventually import eventually

PARTNER = TrustDomain("partner.example")
SERVER = SpiffeId(PARTNER, "/bundle-endpoint")
HOUR = timedelta(hours=1)


def relationship(url: str, profile: Profile = Profile.SPIFFE, **fields: Any) -> Relationship:
    """Return one with the partner, under ``https_spiffe`` served by itself."""
    if profile is Profile.SPIFFE:
        fields.setdefault("endpoint_spiffe_id", SERVER)
    name = fields.pop("trust_domain", PARTNER)
    return Relationship(name, EndpointUrl.parse(url), profile, **fields)


@dataclass
class Federation:
    """What a test looks at; ``told`` is what subscribers saw, change by change."""

    clock: FakeClock
    bundles: FederatedBundles
    polling: BundlePolling
    told: list[Mapping[TrustDomain, TrustBundle]] = field(default_factory=list)

    @property
    def view(self) -> dict[str, Any]:
        """The one relationship, as an operator sees it."""
        (found,) = self.polling.describe()
        return found

    async def polled(self, sleepers: int = 1) -> Any:
        """Wait until that many relationships fetch nothing any more; return the view of one."""
        await eventually(lambda: self.clock.sleepers >= sleepers)
        return self.view if sleepers == 1 else None

    async def next_poll(self) -> Any:
        """Let time pass up to the next poll, and wait for what comes of it."""
        wake = self.clock.next_wake
        assert wake is not None
        self.clock.advance(wake - self.clock.now())
        return await self.polled()


@asynccontextmanager
async def federating(
    folder: Path,
    *relationships: Relationship,
    held: TrustBundle | None = None,
    others: Mapping[TrustDomain, TrustBundle] | None = None,
    **settings: Any,
) -> AsyncIterator[Federation]:
    """Poll meanwhile, by a clock that stands; ``held`` is what an earlier poll of the first got."""
    clock = FakeClock(datetime.now(UTC))
    chosen = FederationSettings(relationships, **settings)
    bundles = FederatedBundles.open(folder / "federation.db", relationships, clock)
    elsewhere = others or {}
    try:
        if held is not None:
            bundles.accept(relationships[0], encode_bundle(held))

        def fetcher(now: FederationSettings) -> Any:
            return Fetcher(now, lambda: {**elsewhere, **bundles.bundles}, clock).fetch

        polling = BundlePolling(bundles, chosen, fetcher, clock, jitter=lambda: 0)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(polling.run())
            found = Federation(clock, bundles, polling)
            bundles.subscribe(lambda: found.told.append(bundles.bundles))
            yield found
            task.cancel()
    finally:
        bundles.close()
