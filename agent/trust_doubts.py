"""Entries that rest on the word of the very workloads they are to tell apart."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.agent.entry_trust import strongest, trust_in
from accredit.attestation.trust import Trust
from accredit.authority.entry_template import Declared, EntryTemplate


def of_trust(entry: Declared) -> Iterator[str]:
    """Yield one line for each doubt."""
    if strongest(entry) is Trust.WORKLOAD:
        wanted = [str(each) for each in sorted(entry.selectors)]
        wanted += _references(entry)
        yield (
            f"{entry.source}: rests only on what workloads say of themselves"
            f" ({', '.join(wanted)}): add a selector they cannot choose, such as unix:uid"
        )
    for reference in _references(entry, Trust.WORKLOAD):
        yield (
            f"{entry.source}: {reference} is the workload's own word: among the IDs of this shape"
            " it chooses its own"
        )


def _references(entry: Declared, whose: Trust | None = None) -> Iterator[str]:
    if isinstance(entry, EntryTemplate):
        for reference in dict.fromkeys(entry.id.references):
            if whose in {None, trust_in(reference)}:
                yield f"{{{reference}}}"
