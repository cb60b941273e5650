"""Makes signers, and checks that a stored key fits its signer. Pure but for the keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from accredit.authority.embedded.settings import EmbeddedSettings, SignerPolicy
from accredit.authority.embedded.state import Kind, Phase, Signer, State, next_sequence
from accredit.identity.bundle import JwtAuthority, TrustBundle
from accredit.identity.clock import Clock
from accredit.identity.keys import (
    KeyType,
    PrivateKey,
    PublicKey,
    generate,
    is_supported,
    key_id,
    spki_der,
)
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.x509_issue import build_root

Generate = Callable[[KeyType], PrivateKey]

_SECOND = timedelta(seconds=1)
_MAX_BACKDATE = timedelta(minutes=10)


def whole_seconds(when: datetime) -> datetime:
    """Return the second that ``when`` lies in; certificates know no smaller unit."""
    return when.replace(microsecond=0)


def make(
    kind: Kind,
    key: PrivateKey,
    trust_domain: TrustDomain,
    policy: SignerPolicy,
    now: datetime,
) -> Signer:
    """Return a prepared signer for a fresh key.

    It begins a little earlier than now, for verifiers whose clocks are behind.
    """
    now = whole_seconds(now)
    starts = now - min(policy.lifetime / 60 // _SECOND * _SECOND, _MAX_BACKDATE)
    ends = now + policy.lifetime
    public = key.public_key()
    if kind is Kind.X509:
        root = build_root(
            trust_domain, key, not_before=starts, not_after=ends, path_length=policy.path_length
        )
        content = root.public_bytes(Encoding.DER)
    else:
        content = spki_der(public)
    return Signer(
        kind,
        kid=key_id(public),
        phase=Phase.PREPARED,
        public=content,
        not_before=starts,
        not_after=ends,
        prepared_at=now,
        activated_at=None,
        signed_until=now,
        longest=policy.max_ttl,
    )


def certificate(signer: Signer) -> x509.Certificate:
    """Return the certificate of a root.

    Raises:
        ValueError: it is damaged.
    """
    root = x509.load_der_x509_certificate(signer.public)
    try:
        root.verify_directly_issued_by(root)
    except (InvalidSignature, TypeError) as error:
        raise ValueError("its root certificate is damaged") from error
    return root


def public_key(signer: Signer) -> PublicKey:
    """Return the public key of a root or JWT key.

    Raises:
        ValueError: it is damaged, or of a kind we do not use.
    """
    if signer.kind is Kind.X509:
        found: object = certificate(signer).public_key()
    else:
        found = load_der_public_key(signer.public)
    if not is_supported(found) or key_id(found) != signer.kid:
        raise ValueError(f"its {signer.kind} key {signer.kid} is damaged")
    return found


def first(
    trust_domain: TrustDomain,
    settings: EmbeddedSettings,
    clock: Clock,
    generate: Generate = generate,
) -> tuple[State, dict[str, PrivateKey]]:
    """Return a new authority: one root and one JWT key, both active, each with its own key."""
    now = whole_seconds(clock.now())
    signers, private = [], {}
    for kind, policy in ((Kind.X509, settings.x509_policy()), (Kind.JWT, settings.jwt_policy())):
        key = generate(policy.key_type)
        made = make(kind, key, trust_domain, policy, now)
        signers.append(replace(made, phase=Phase.ACTIVE, activated_at=now))
        private[made.kid] = key
    sequence = next_sequence(0, now)
    return State(trust_domain, sequence, settings.refresh_hint, tuple(signers)), private


def bundle_of(state: State) -> TrustBundle:
    """Return the bundle that this state publishes."""
    return TrustBundle(
        state.trust_domain,
        tuple(certificate(signer) for signer in state.of(Kind.X509)),
        tuple(JwtAuthority(each.kid, public_key(each)) for each in state.of(Kind.JWT)),
        sequence=state.sequence,
        refresh_hint=state.refresh_hint,
    )
