"""Whose word an entry rests on. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.attestation.trust import Trust, trust
from accredit.authority.entry_template import Declared, EntryTemplate
from accredit.authority.references import Reference
from accredit.identity.selector import Selector

_STRENGTH = {each: place for place, each in enumerate(Trust)}


def weakest(entry: Declared) -> Trust:
    """Return the weakest word among what it wants: that alone would not do."""
    return max(_trusts(entry), key=_STRENGTH.__getitem__, default=Trust.WORKLOAD)


def strongest(entry: Declared) -> Trust:
    """Return the strongest: all of it must hold, so this is what somebody has to get past."""
    return min(_trusts(entry), key=_STRENGTH.__getitem__, default=Trust.WORKLOAD)


def trust_in(reference: Reference) -> Trust:
    """Return whose word the value of a reference is."""
    return trust(Selector.parse(f"{reference}:x"))


def _trusts(entry: Declared) -> Iterator[Trust]:
    yield from map(trust, entry.selectors)
    if isinstance(entry, EntryTemplate):
        yield from map(trust_in, entry.id.references)
