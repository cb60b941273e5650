"""Which of a caller's own identities is meant when its Envoy names none. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.authority.entry import Entry
from accredit.rotation.snapshot import Snapshot
from accredit.sds_server.node import Node


def choose(snapshot: Snapshot, node: Node) -> Entry | str:
    """Return the default entry, signed for or not, or why there is none.

    It is the one marked so, else the first in file order. An Envoy that wishes for a hint or a
    SPIFFE ID, or both, gets the caller's entry that has them and never another in its place.
    """
    if not snapshot.entitled:
        return "no registration entry matches the caller"
    if not (node.hint or node.spiffe_id):
        return min(_entries(snapshot), key=lambda entry: (not entry.default, entry.order))
    for entry, hint in _hinted(snapshot):
        if node.hint in {"", hint} and node.spiffe_id in {"", str(entry.spiffe_id)}:
            return entry
    return "no entry of the caller has " + " and ".join(_wishes(node))


def _entries(snapshot: Snapshot) -> Iterator[Entry]:
    return (entry for entry, _ in _hinted(snapshot))


def _hinted(snapshot: Snapshot) -> Iterator[tuple[Entry, str]]:
    """Yield each entry with the hint it is delivered under."""
    yield from ((identity.entry, identity.hint) for identity in snapshot.identities)
    yield from ((entry, entry.hint) for entry in snapshot.pending)


def _wishes(node: Node) -> Iterator[str]:
    if node.hint:
        yield f"the hint {node.hint[:100]!r}"
    if node.spiffe_id:
        yield f"the SPIFFE ID {node.spiffe_id[:100]!r}"
