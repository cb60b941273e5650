"""Signs SVIDs for entries with the keys that are active now, and keeps account of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from cryptography import x509

from accredit.authority.embedded.keeping import in_time
from accredit.authority.embedded.rotation import SignerRotation
from accredit.authority.embedded.signers import whole_seconds
from accredit.authority.embedded.state import Kind, Signer
from accredit.authority.entry import Entry
from accredit.authority.revocation.record import Issued
from accredit.authority.revocation.revocations import Revocations
from accredit.identity.clock import Clock
from accredit.identity.errors import AuthorityUnavailableError
from accredit.identity.jwt_svid import JwtSvid, sign_jwt_svid
from accredit.identity.keys import PrivateKey, PublicKey
from accredit.identity.x509_issue import build_leaf

_SECOND = timedelta(seconds=1)
_MAX_BACKDATE = timedelta(seconds=10)


class Signing:
    """``root`` is the certificate of the active root; whoever rotates it replaces it here."""

    def __init__(
        self,
        rotation: SignerRotation,
        revocations: Revocations,
        clock: Clock,
        root: x509.Certificate,
    ) -> None:
        self.root = root
        self._rotation = rotation
        self._revocations = revocations
        self._clock = clock

    async def x509(self, entry: Entry, public_key: PublicKey) -> Sequence[x509.Certificate]:
        """Return the leaf; its root is in the bundle and nothing stands between.

        Raises:
            AuthorityUnavailableError: the root is not valid at this time of the clock, or the
                entry is revoked.
        """
        self._require_valid(entry)
        signer, key, now = self._ready(Kind.X509)
        ttl = min(entry.x509_ttl, self._rotation.policy(Kind.X509).max_ttl)
        until = min(now + ttl, signer.not_after)
        self._rotation.note_signed(signer, until)
        leaf = await in_time(
            key,
            partial(
                build_leaf,
                entry.spiffe_id,
                public_key,
                issuer=self.root,
                issuer_key=key,
                # For verifiers whose clocks are behind; little, as half-life counts from here.
                not_before=now - min(ttl // 10 // _SECOND * _SECOND, _MAX_BACKDATE),
                not_after=until,
                dns_names=entry.dns_names,
            ),
        )
        self._require_valid(entry)  # it may have been revoked meanwhile
        self._revocations.note(_issued(leaf, signer, entry, until))
        return (leaf,)

    async def jwt(self, entry: Entry, audience: Sequence[str]) -> JwtSvid:
        """Return a JWT-SVID for a non-empty ``audience``.

        Raises:
            AuthorityUnavailableError: the key is not valid at this time of the clock, or the
                entry is revoked.
            JwtSvidError: the audience cannot be put into a token.
        """
        self._require_valid(entry)
        signer, key, now = self._ready(Kind.JWT)
        ttl = min(entry.jwt_ttl, self._rotation.policy(Kind.JWT).max_ttl, signer.not_after - now)
        self._rotation.note_signed(signer, now + ttl)
        svid = await in_time(
            key,
            partial(
                sign_jwt_svid,
                entry.spiffe_id,
                audience,
                key=key,
                kid=signer.kid,
                now=now,
                lifetime=ttl,
            ),
        )
        self._require_valid(entry)  # as above
        return svid

    def _require_valid(self, entry: Entry) -> None:
        if self._revocations.forbids(entry):
            raise AuthorityUnavailableError(f"the entry of {entry.spiffe_id} is revoked")

    def _ready(self, kind: Kind) -> tuple[Signer, PrivateKey, datetime]:
        signer, key = self._rotation.active(kind)
        now = whole_seconds(self._clock.now())
        if not signer.not_before <= now < signer.not_after:
            raise AuthorityUnavailableError(
                f"the {kind} signer is valid from {signer.not_before:%Y-%m-%d %H:%M:%S} to"
                f" {signer.not_after:%Y-%m-%d %H:%M:%S} UTC only, and the clock says"
                f" {now:%Y-%m-%d %H:%M:%S}; set the clock, or run: accredit ca rotate"
            )
        return signer, key, now


def _issued(leaf: x509.Certificate, signer: Signer, entry: Entry, until: datetime) -> Issued:
    return Issued(
        leaf.serial_number,
        signer.kid,
        entry.entry_id,
        str(entry.spiffe_id),
        until,
        entry.template_id,
    )
