"""The innermost part: entries, who signs, and the SVIDs that are kept fresh."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from accredit.agent.key_ways import key_ways
from accredit.agent.plan import Plan
from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.entry_source import EntrySource
from accredit.identity.clock import Clock
from accredit.rotation.clock import SystemClock
from accredit.rotation.identities import Identities


@dataclass(frozen=True, slots=True)
class Core:
    """What everything else looks at."""

    plan: Plan
    clock: Clock
    entries: EntrySource
    authority: EmbeddedAuthority
    identities: Identities


@contextmanager
def opened(plan: Plan) -> Iterator[Core]:
    """Yield it, with the data folder held.

    Raises:
        ConfigError: the entries have mistakes.
        StoreError: the data folder cannot be used as it is.
        TpmUnavailableError, TpmError: keys are in a TPM, which is away or refuses.
    """
    entries = EntrySource(plan.entry_files)
    entries.load()
    with (
        closing(SystemClock()) as clock,
        key_ways(plan) as ways,
        closing(
            EmbeddedAuthority.open(
                plan.data_dir,
                plan.trust_domain,
                plan.embedded,
                clock,
                entries,
                plan.federation.relationships,
                ways,
            )
        ) as authority,
    ):
        identities = Identities(authority, clock, plan.rotation)
        yield Core(plan, clock, entries, authority, identities)
