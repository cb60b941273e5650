"""What the embedded authority remembers: its signers and the sequence of its bundle. Pure.

A signer is a root certificate or a JWT key. It is *prepared* (published, signs nothing), then
*active* (the one that signs), then *old* (published until nothing it signed is valid any more).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from accredit.identity.spiffe_id import TrustDomain


class Kind(StrEnum):
    """What a signer signs."""

    X509 = "x509"
    JWT = "jwt"


class Phase(StrEnum):
    """Where a signer stands in its life."""

    PREPARED = "prepared"
    ACTIVE = "active"
    OLD = "old"


@dataclass(frozen=True, slots=True)
class Signer:
    """One root or JWT key; all times in whole seconds.

    ``public`` is the root's certificate or the JWT key's SubjectPublicKeyInfo, in DER. It signs
    nothing that lives longer than ``longest``; once it is old, nothing it signed is valid after
    ``signed_until``. ``forced`` was asked for by an operator: it takes over as soon as it was
    published for long enough, and everything is signed anew.
    """

    kind: Kind
    kid: str
    phase: Phase
    public: bytes
    not_before: datetime
    not_after: datetime
    prepared_at: datetime
    activated_at: datetime | None
    signed_until: datetime
    longest: timedelta
    forced: bool = False

    @property
    def signs(self) -> bool:
        """Whether it signs, or will sign, what lives as long as others trust it."""
        return self.phase is not Phase.OLD

    @property
    def keeps_key(self) -> bool:
        """Whether its private key is kept: an old root still signs its revocation list."""
        return self.signs or self.kind is Kind.X509


@dataclass(frozen=True, slots=True)
class State:
    """Everything, at one moment. Signers stand in the order they were prepared."""

    trust_domain: TrustDomain
    sequence: int
    refresh_hint: timedelta
    signers: tuple[Signer, ...]

    def of(self, kind: Kind) -> tuple[Signer, ...]:
        """Return the signers of one kind."""
        return tuple(signer for signer in self.signers if signer.kind is kind)

    def active(self, kind: Kind) -> Signer:
        """Return the one that signs."""
        return next(signer for signer in self.of(kind) if signer.phase is Phase.ACTIVE)

    def prepared(self, kind: Kind) -> Signer | None:
        """Return the one that will sign next, if it was made already."""
        return next((each for each in self.of(kind) if each.phase is Phase.PREPARED), None)

    def with_signers(self, signers: Iterable[Signer], now: datetime) -> State:
        """Return this state with other signers, and a new sequence if the bundle differs."""
        new = replace(self, signers=tuple(signers))
        if [each.public for each in new.signers] == [each.public for each in self.signers]:
            return new
        return replace(new, sequence=next_sequence(self.sequence, now))

    def with_longest(self, longest: Mapping[Kind, timedelta]) -> State:
        """Return this state ready to sign what lives that long."""
        signers = (
            replace(each, longest=max(each.longest, longest[each.kind])) if each.signs else each
            for each in self.signers
        )
        return replace(self, signers=tuple(signers))

    def with_refresh_hint(self, hint: timedelta, now: datetime) -> State:
        """Return this state with another refresh hint, which is part of the bundle."""
        if hint == self.refresh_hint:
            return self
        return replace(self, refresh_hint=hint, sequence=next_sequence(self.sequence, now))


def next_sequence(sequence: int, now: datetime) -> int:
    """Return a higher one.

    It follows the clock, so that it still grows after a data folder was restored from a backup or
    made anew; the peers of a trust domain refuse one that went back.
    """
    return max(sequence + 1, int(now.timestamp()))


def prepare(state: State, signer: Signer, now: datetime) -> State:
    """Publish a new signer."""
    return state.with_signers((*state.signers, signer), now)


def activate(state: State, kid: str, signed_until: datetime, now: datetime) -> State:
    """Let a prepared signer sign; nothing its predecessor signed outlives ``signed_until``."""
    chosen = next(signer for signer in state.signers if signer.kid == kid)

    def changed(signer: Signer) -> Signer:
        if signer is chosen:
            return replace(signer, phase=Phase.ACTIVE, activated_at=now)
        if signer.kind is chosen.kind and signer.phase is Phase.ACTIVE:
            return replace(signer, phase=Phase.OLD, signed_until=signed_until)
        return signer

    return state.with_signers(map(changed, state.signers), now)


def retire(state: State, kid: str, now: datetime) -> State:
    """Publish an old signer no more."""
    return state.with_signers((each for each in state.signers if each.kid != kid), now)
