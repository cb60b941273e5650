"""What an operator may choose about the embedded authority."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from accredit.identity.durations import format_duration
from accredit.identity.keys import KeyType
from accredit.identity.spiffe_id import TrustDomain

_SECOND = timedelta(seconds=1)
_HINTS_BEFORE_USE = 3  # SPIFFE Federation section 4.1: three to five refresh hints
_MAX_X509_TTL = timedelta(hours=24)
_MAX_JWT_TTL = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SignerPolicy:
    """How signers of one kind live: roots, or JWT keys.

    Raises:
        ValueError: a new signer could not be published for ``publish_for`` and still take over
            before the old one is too short-lived for an SVID of ``max_ttl``.
    """

    key_type: KeyType
    lifetime: timedelta
    max_ttl: timedelta
    publish_for: timedelta
    path_length: int | None = None

    def __post_init__(self) -> None:
        if self.lifetime < 16 * _SECOND:
            raise ValueError("a signer's lifetime is at least 16s")
        if self.lifetime / 2 < self.publish_for + self.max_ttl:
            raise ValueError(
                f"a lifetime of {format_duration(self.lifetime)} is too short: half of it must hold"
                f" publish_for ({format_duration(self.publish_for)}) and the longest SVID"
                f" ({format_duration(self.max_ttl)})"
            )


@dataclass(frozen=True, slots=True)
class KeySettings:
    """Where private keys are kept: in files, in files sealed to a TPM and its PCRs, or in a TPM."""

    in_tpm: bool = False
    sealed: bool = False
    pcrs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """Key types, lifetimes and delays, all of whole seconds.

    ``publish_for`` is how long a new root or JWT key is published before it signs; the longest
    lifetimes cap what entries ask for. Where these three are None they follow from the lifetimes
    of the signers, down to a CA of 16 seconds.

    Raises:
        ValueError: lifetimes that do not fit into each other, or keys that no TPM makes.
    """

    key_type: KeyType = KeyType.EC_P256
    ca_lifetime: timedelta = timedelta(days=30)
    jwt_key_type: KeyType = KeyType.EC_P256
    jwt_key_lifetime: timedelta = timedelta(days=30)
    max_x509_ttl: timedelta | None = None
    max_jwt_ttl: timedelta | None = None
    publish_for: timedelta | None = None
    refresh_hint: timedelta = timedelta(minutes=5)
    clock_skew: timedelta = timedelta(minutes=1)
    path_length: int | None = 0
    always_crl: bool = False
    federated_bundles: Mapping[TrustDomain, Path] = field(default_factory=dict)
    keys: KeySettings = KeySettings()

    def __post_init__(self) -> None:
        if self.keys.in_tpm and {self.key_type, self.jwt_key_type} != {KeyType.EC_P256}:
            raise ValueError("keys in a TPM are ec-p256: set key_type and jwt_key_type to that")
        self.x509_policy()
        self.jwt_policy()

    def x509_policy(self) -> SignerPolicy:
        """Return how roots live."""
        policy = self._policy(self.key_type, self.ca_lifetime, self.max_x509_ttl, _MAX_X509_TTL)
        return replace(policy, path_length=self.path_length)

    def jwt_policy(self) -> SignerPolicy:
        """Return how JWT keys live."""
        return self._policy(
            self.jwt_key_type, self.jwt_key_lifetime, self.max_jwt_ttl, _MAX_JWT_TTL
        )

    def _policy(
        self, key_type: KeyType, lifetime: timedelta, ttl: timedelta | None, most: timedelta
    ) -> SignerPolicy:
        # Together half of the lifetime, so that what is derived always fits.
        max_ttl = min(most, _whole(lifetime * 3 / 8)) if ttl is None else ttl
        publish_for = self.publish_for
        if publish_for is None:
            publish_for = min(_HINTS_BEFORE_USE * self.refresh_hint, _whole(lifetime / 8))
        return SignerPolicy(key_type, lifetime, max_ttl, publish_for)


def _whole(duration: timedelta) -> timedelta:
    return duration // _SECOND * _SECOND
