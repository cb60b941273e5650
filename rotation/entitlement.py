"""What one set of entries gives: in which order, under which hints, with whose bundles. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from accredit.authority.entry import Entry


class Entitlement:
    """Immutable. ``entries`` are in the order of delivery, the caller's default one first.

    ``hints`` gives the hint of each by entry id. Where several have the same, the oldest in file
    order keeps it (Workload API 5.2.1); the newer are delivered without, since no identity is to
    be lost over a name. ``disputes`` lists (who keeps it, who does not).
    """

    __slots__ = ("disputes", "entries", "federated", "hints")

    def __init__(self, in_file_order: Sequence[Entry]) -> None:
        # Sorting is stable: file order remains among the others.
        self.entries = tuple(sorted(in_file_order, key=lambda entry: not entry.default))
        self.hints = {entry.entry_id: entry.hint for entry in in_file_order}
        self.disputes = tuple(_disputes(in_file_order))
        for _, loser in self.disputes:
            self.hints[loser.entry_id] = ""
        self.federated = frozenset(td for entry in in_file_order for td in entry.federates_with)


def _disputes(in_file_order: Sequence[Entry]) -> list[tuple[Entry, Entry]]:
    keepers: dict[str, Entry] = {}
    hinted = [entry for entry in in_file_order if entry.hint]
    claims = [(keepers.setdefault(entry.hint, entry), entry) for entry in hinted]
    return [(keeper, entry) for keeper, entry in claims if keeper is not entry]
