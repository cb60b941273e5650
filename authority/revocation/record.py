"""What is written down of SVIDs and entries, for the day somebody revokes them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Issued:
    """An X.509-SVID that was signed here; ``issuer`` is the key id of the root that did.

    ``entry_id`` is empty where nobody knows any more which entry it was signed for. That of an
    instance is its own; ``template_id`` is its template's.
    """

    serial: int
    issuer: str
    entry_id: str
    spiffe_id: str
    not_after: datetime
    template_id: str = ""


@dataclass(frozen=True, slots=True)
class RevokedSvid:
    """An X.509-SVID nobody is to accept, although it has not ended."""

    svid: Issued
    since: datetime


@dataclass(frozen=True, slots=True)
class RevokedEntry:
    """An entry, template or instance that gives nobody an identity, whatever is in the files.

    ``spiffe_id`` of a template has its references in braces.
    """

    entry_id: str
    spiffe_id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Revoked:
    """Everything revoked at one moment, by serial and by entry id."""

    svids: tuple[RevokedSvid, ...] = ()
    entries: tuple[RevokedEntry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.svids or self.entries)
