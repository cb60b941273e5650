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
    An instance of a template says of which, and with what values; ``selectors`` are the template's.
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
    template_id: str = ""
    values: tuple[str, ...] = ()
    order: int = field(default=0, compare=False)
    source: str = field(default="", compare=False)

    @property
    def shown_id(self) -> str:
        """The SPIFFE ID as text."""
        return str(self.spiffe_id)

    @property
    def path(self) -> str:
        """The path of the SPIFFE ID."""
        return self.spiffe_id.path
