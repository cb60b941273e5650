"""A certificate authority for tests, as good or as bad as a test needs it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from accredit.identity.bundle import JwtAuthority, TrustBundle
from accredit.identity.keys import KeyType, PrivateKey, generate, key_id
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.x509_crl import RevokedSerial, build_crl
from accredit.identity.x509_svid import X509Svid
from support.certificate import AUTHORITY, LEAF, common_name
from support.clock import EPOCH


class Issued(NamedTuple):
    """A chain, leaf first, and the leaf's key; not necessarily a valid SVID."""

    chain: tuple[x509.Certificate, ...]
    key: PrivateKey

    @property
    def leaf(self) -> x509.Certificate:
        return self.chain[0]


def from_now(**fields: Any) -> dict[str, Any]:
    """Return fields of a ``Template`` with each duration as the moment that far from this one.

    Values of parametrize are made when tests are collected, an hour before some of them are used.
    """
    now = datetime.now(UTC)
    return {
        name: now + value if isinstance(value, timedelta) else value
        for name, value in fields.items()
    }


class TestCa:
    """An authority of one trust domain, valid an hour around ``now``, with a JWT key beside.

    ``defects`` are fields of ``support.certificate.Template``. ``intermediate`` makes an authority
    below this one: its leaves come with its own certificate behind them, and its bundle is ours.
    """

    __test__ = False  # not a test class, whatever its name

    def __init__(
        self,
        trust_domain: TrustDomain | str = "td.example",
        *,
        now: datetime = EPOCH,
        kind: KeyType = KeyType.EC_P256,
        parent: TestCa | None = None,
        **defects: Any,
    ) -> None:
        self.trust_domain = TrustDomain(str(trust_domain))
        self.key, self.jwt_key = generate(kind), generate(kind)
        self._parent = parent
        self._times = {
            "not_before": now - timedelta(hours=1),
            "not_after": now + timedelta(hours=1),
        }
        subject = f"{'intermediate' if parent else 'root'} {key_id(self.key.public_key())}"
        named = {"subject": subject, "uris": [str(self.trust_domain.id)], **self._times}
        template = replace(AUTHORITY, **{**named, **defects})
        signer = parent or self
        name = parent.certificate.subject if parent else common_name(template.subject)
        self.certificate: x509.Certificate = template.sign(self.key.public_key(), name, signer.key)
        public = self.jwt_key.public_key()
        self.jwt_authority = JwtAuthority(key_id(public), public)

    @property
    def root(self) -> x509.Certificate:
        return self._parent.root if self._parent else self.certificate

    @property
    def above(self) -> tuple[x509.Certificate, ...]:
        """The intermediates that follow a leaf of this authority."""
        return (self.certificate, *self._parent.above) if self._parent else ()

    def intermediate(self, **defects: Any) -> TestCa:
        return TestCa(self.trust_domain, parent=self, **{**self._times, **defects})

    def issue(
        self,
        spiffe_id: SpiffeId | str = "spiffe://td.example/a",
        *,
        kind: KeyType = KeyType.EC_P256,
        **defects: Any,
    ) -> Issued:
        """Sign a leaf, valid unless ``defects`` say otherwise."""
        key = generate(kind)
        template = replace(LEAF, **{"uris": [str(spiffe_id)], **self._times, **defects})
        leaf = template.sign(key.public_key(), self.certificate.subject, self.key)
        return Issued((leaf, *self.above), key)

    def svid(self, spiffe_id: SpiffeId | str = "spiffe://td.example/a", **fields: Any) -> X509Svid:
        chain, key = self.issue(spiffe_id, **fields)
        return X509Svid(SpiffeId.parse(str(spiffe_id)), chain, key)

    def crl(self, *serials: int, ends: datetime | None = None) -> bytes:
        """Return a revocation list in DER, good for as long as everything else of this CA."""
        begin, end = self._times["not_before"], ends or self._times["not_after"]
        lines = [RevokedSerial(each, begin) for each in serials]
        crl = build_crl(
            self.certificate, self.key, lines, number=1, this_update=begin, next_update=end
        )
        return crl.public_bytes(Encoding.DER)

    def bundle(
        self, *, sequence: int | None = None, refresh_hint: timedelta | None = None
    ) -> TrustBundle:
        return TrustBundle(
            self.trust_domain, (self.root,), (self.jwt_authority,), sequence, refresh_hint
        )
