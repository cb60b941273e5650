"""A root and a JWT key of one trust domain, and what they sign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509

from accredit.authority.entry import Entry
from accredit.identity.bundle import JwtAuthority
from accredit.identity.jwt_svid import JwtSvid, sign_jwt_svid
from accredit.identity.keys import KeyType, PublicKey, generate, key_id
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.x509_issue import build_leaf, build_root

AGES = timedelta(days=3650)
BACKDATED = timedelta(seconds=10)


class Signer:
    """Valid for ten years around ``now``; its leaves begin ten seconds before asked for."""

    def __init__(self, trust_domain: TrustDomain, now: datetime) -> None:
        self._key, self._jwt_key = generate(KeyType.EC_P256), generate(KeyType.EC_P256)
        self.root = build_root(trust_domain, self._key, not_before=now - AGES, not_after=now + AGES)
        public = self._jwt_key.public_key()
        self.jwt_authority = JwtAuthority(key_id(public), public)

    def x509(self, entry: Entry, public_key: PublicKey, now: datetime) -> x509.Certificate:
        return build_leaf(
            entry.spiffe_id,
            public_key,
            issuer=self.root,
            issuer_key=self._key,
            not_before=now - BACKDATED,
            not_after=now + entry.x509_ttl,
            dns_names=entry.dns_names,
        )

    def jwt(self, entry: Entry, audience: Sequence[str], now: datetime) -> JwtSvid:
        return sign_jwt_svid(
            entry.spiffe_id,
            audience,
            key=self._jwt_key,
            kid=self.jwt_authority.key_id,
            now=now,
            lifetime=entry.jwt_ttl,
        )
