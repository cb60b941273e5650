"""What is revoked at one moment, to be asked in every way that somebody asks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from accredit.authority.entry import Entry
from accredit.authority.revocation.record import Issued, Revoked, RevokedEntry, RevokedSvid
from accredit.identity.errors import NotFoundError, SpiffeIdError
from accredit.identity.spiffe_id import SpiffeId


@dataclass(frozen=True, slots=True)
class RevokedIndex:
    """``serials`` are those of the SVIDs, ``entries`` by their id, ``barred`` their SPIFFE IDs."""

    revoked: Revoked
    serials: frozenset[int]
    entries: Mapping[str, RevokedEntry]
    barred: frozenset[SpiffeId]

    @classmethod
    def of(cls, revoked: Revoked) -> Self:
        """Return that of what is revoked."""
        return cls(
            revoked,
            frozenset(each.svid.serial for each in revoked.svids),
            {each.entry_id: each for each in revoked.entries},
            frozenset(_ids(revoked.entries)),
        )

    def forbids(self, entry: Entry) -> bool:
        """Tell whether nothing may be signed for an entry: it, or its template, is revoked.

        An ID that is revoked is given by no template, but by an entry that has it written out.
        """
        if entry.entry_id in self.entries or entry.template_id in self.entries:
            return True
        return bool(entry.template_id) and entry.spiffe_id in self.barred

    def still_good(
        self, svids: Iterable[Issued], roots: AbstractSet[str], now: datetime
    ) -> tuple[Issued, ...]:
        """Return those that a verifier who trusts the ``roots`` would accept."""
        return tuple(
            each
            for each in svids
            if each.serial not in self.serials and each.issuer in roots and each.not_after >= now
        )

    def adding(
        self, svids: Iterable[Issued], entries: Iterable[RevokedEntry], now: datetime
    ) -> Revoked:
        """Return what is revoked with these as well, which were not until ``now``."""
        added = (RevokedSvid(each, now) for each in svids)
        known = self.revoked
        return Revoked((*known.svids, *added), (*known.entries, *entries))

    def lifting(self, entry_id: str) -> Revoked:
        """Return what is revoked without an entry; SVIDs that were revoked stay so.

        Raises:
            NotFoundError: it is not revoked.
        """
        if entry_id not in self.entries:
            raise NotFoundError(f"entry {entry_id[:100]!r} is not revoked")
        rest = tuple(each for each in self.revoked.entries if each.entry_id != entry_id)
        return replace(self.revoked, entries=rest)


def _ids(entries: Iterable[RevokedEntry]) -> Iterator[SpiffeId]:
    for each in entries:
        with suppress(SpiffeIdError):  # that of a template has references in it
            yield SpiffeId.parse(each.spiffe_id)
