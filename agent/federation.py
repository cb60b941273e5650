"""What fetches bundles in the running agent."""

from __future__ import annotations

from collections.abc import Callable

from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.federation.polling import Fetch
from accredit.authority.federation.relationship import FederationSettings
from accredit.identity.clock import Clock


def fetcher(authority: EmbeddedAuthority, clock: Clock) -> Callable[[FederationSettings], Fetch]:
    """Return what makes the client of bundle endpoints; only that imports one."""

    def make(settings: FederationSettings) -> Fetch:
        from accredit.authority.federation.fetch import Fetcher  # noqa: PLC0415  see above

        return Fetcher(settings, lambda: authority.bundles, clock).fetch

    return make
