"""The registration entries without those that were revoked."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from accredit.authority.entry_set import EntrySet
from accredit.identity.spiffe_id import SpiffeId


class ValidEntries:
    """Made anew only when the entries or what is revoked of them are others."""

    def __init__(self) -> None:
        self._declared = self._valid = EntrySet()
        self._revoked: frozenset[str] = frozenset()

    def of(
        self, declared: EntrySet, revoked: AbstractSet[str], barred: AbstractSet[SpiffeId]
    ) -> EntrySet:
        """Return ``declared`` without the entries with these ids; ``barred`` are their SPIFFE IDs.

        An ID that is revoked must not come back by a template.
        """
        if declared is not self._declared or revoked != self._revoked:
            self._declared, self._revoked = declared, frozenset(revoked)
            self._valid = without(declared, revoked, barred) if revoked else declared
        return self._valid


def without(
    declared: EntrySet, revoked: AbstractSet[str], barred: AbstractSet[SpiffeId]
) -> EntrySet:
    """Return the entries that are left."""
    return EntrySet((each for each in declared if each.entry_id not in revoked), barred)
