"""Entries that rest on the word of the very workloads they are to tell apart."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.agent.entry_trust import strongest
from accredit.attestation.trust import Trust, trust
from accredit.authority.entry_template import Declared, wants


def of_trust(entry: Declared) -> Iterator[str]:
    """Yield one line for each doubt."""
    wanted = dict(wants(entry))
    if strongest(entry) is Trust.WORKLOAD:
        yield (
            f"{entry.source}: rests only on what workloads say of themselves"
            f" ({', '.join(wanted)}): add a selector they cannot choose, such as unix:uid"
        )
    for written, selector in wanted.items():
        if written.startswith("{") and trust(selector) is Trust.WORKLOAD:
            yield (
                f"{entry.source}: {written} is the workload's own word: among the IDs of this shape"
                " it chooses its own"
            )
