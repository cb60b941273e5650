"""A registration entry: which selectors give which identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId, TrustDomain


@dataclass(frozen=True, slots=True)
class Entry:
    """One identity and what a caller must be to get it: all of ``selectors``.

    ``entry_id`` is stable for the same SPIFFE ID and selectors, over restarts and edits of the
    other fields. ``order`` is the place in the files; ``source`` is ``file:line``, for people.
    """

    entry_id: str
    spiffe_id: SpiffeId
    selectors: frozenset[Selector]
    x509_ttl: timedelta
    jwt_ttl: timedelta
    federates_with: tuple[TrustDomain, ...] = ()
    hint: str = ""
    default: bool = False
    dns_names: tuple[str, ...] = ()
    order: int = field(default=0, compare=False)
    source: str = field(default="", compare=False)
