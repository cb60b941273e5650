"""Whose word an entry rests on. Pure."""

from __future__ import annotations

from accredit.attestation.trust import Trust, trust
from accredit.authority.entry_template import Declared, wants

_STRENGTH = {each: place for place, each in enumerate(Trust)}


def weakest(entry: Declared) -> Trust:
    """Return the weakest word among what it wants: that alone would not do."""
    return max(_trusts(entry), key=_STRENGTH.__getitem__, default=Trust.WORKLOAD)


def strongest(entry: Declared) -> Trust:
    """Return the strongest: all of it must hold, so this is what somebody has to get past."""
    return min(_trusts(entry), key=_STRENGTH.__getitem__, default=Trust.WORKLOAD)


def _trusts(entry: Declared) -> list[Trust]:
    return [trust(selector) for _, selector in wants(entry)]
