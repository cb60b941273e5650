"""What rotation tells of itself: plain data for status pages and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accredit.rotation.directory import Directory
from accredit.rotation.followed_tokens import FollowedTokens
from accredit.rotation.held import Held
from accredit.rotation.held_token import HeldToken
from accredit.rotation.svid_cache import SvidCache


@dataclass(frozen=True, slots=True)
class EntryStatus:
    """One entry's X.509-SVID. ``failures`` counts the tries in a row that failed, up to now.

    ``next_look`` is when it is renewed, tried again or, if nobody wants it, forgotten.
    ``template_id`` is the entry id of the template it is an instance of, empty for others.
    """

    entry_id: str
    spiffe_id: str
    serial: str | None
    not_after: datetime | None
    next_look: datetime | None
    watched: bool
    rotations: int
    failures: int
    error: str
    template_id: str = ""


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """One JWT-SVID that ``followers`` streams wait for, but for the token."""

    spiffe_id: str
    audience: str
    expires_at: datetime | None
    next_look: datetime | None
    followers: int
    rotations: int
    failures: int
    error: str


@dataclass(frozen=True, slots=True)
class RotationStatus:
    """``rotations`` and ``failures`` count X.509-SVIDs signed and tries that failed."""

    watchers: int
    rotations: int
    failures: int
    entries: tuple[EntryStatus, ...]
    tokens: tuple[TokenStatus, ...] = ()


def describe(cache: SvidCache, directory: Directory, tokens: FollowedTokens) -> RotationStatus:
    """Return the state of all three."""
    return RotationStatus(
        watchers=directory.watchers,
        rotations=cache.rotations,
        failures=cache.failures,
        entries=tuple(_describe(held, cache, directory) for held in cache),
        tokens=tuple(_describe_token(held, tokens) for held in tokens),
    )


def _describe(held: Held, cache: SvidCache, directory: Directory) -> EntryStatus:
    svid = held.svid
    return EntryStatus(
        entry_id=held.entry.entry_id,
        spiffe_id=str(held.entry.spiffe_id),
        serial=None if svid is None else svid.serial,
        not_after=None if svid is None else svid.not_after,
        next_look=cache.agenda.when(held),
        watched=directory.watched(held.entry.entry_id),
        rotations=held.rotations,
        failures=held.failures,
        error=held.error,
        template_id=held.entry.template_id,
    )


def _describe_token(held: HeldToken, tokens: FollowedTokens) -> TokenStatus:
    return TokenStatus(
        spiffe_id=str(held.entry.spiffe_id),
        audience=held.audience,
        expires_at=held.ends,
        next_look=tokens.agenda.when(held),
        followers=len(held.followers),
        rotations=held.rotations,
        failures=held.failures,
        error=held.error,
    )
