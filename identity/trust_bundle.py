"""Trust bundles: whom to believe in one trust domain, SPIFFE Trust Domain and Bundle section 4."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from accredit.identity.bundle_entry import jwt_key
from accredit.identity.errors import BundleError
from accredit.identity.keys import PublicKey, is_supported, spki_der
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.strict_json import dumps

_MAX_KEY_ID = 1024


@dataclass(frozen=True, eq=False)
class JwtAuthority:
    """A key that verifies JWT-SVIDs. Equal by content.

    Raises:
        BundleError: the key ID is empty or endless, or the key of a kind JWT-SVID does not know.
    """

    key_id: str
    public_key: PublicKey

    def __post_init__(self) -> None:
        if not 0 < len(self.key_id) <= _MAX_KEY_ID:
            raise BundleError("JWT-SVID 6.1", "kid is empty or too long")
        if not is_supported(self.public_key):
            raise BundleError("JWT-SVID 2.1", "the key is of an unsupported kind")

    @cached_property
    def _content(self) -> tuple[str, bytes]:
        return self.key_id, spki_der(self.public_key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JwtAuthority) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)


@dataclass(frozen=True)
class TrustBundle:
    """The authorities of one trust domain. Equal by content; the encodings are computed once.

    The order of JWT keys is no content: a SPIRE Server publishes another one at each fetch.

    No authority of a kind means that the trust domain does not support that kind: every such SVID
    of it is refused. Authorities given twice are kept once. ``crls`` are its certificate revocation
    lists in DER: none, or one for each X.509 authority. Bundle documents cannot hold them.

    Raises:
        BundleError: two JWT keys share an ID, or sequence or refresh hint is no whole number >= 0.
    """

    trust_domain: TrustDomain
    x509_authorities: tuple[x509.Certificate, ...] = ()
    jwt_authorities: tuple[JwtAuthority, ...] = field(default=(), compare=False)
    sequence: int | None = None
    refresh_hint: timedelta | None = None
    crls: tuple[bytes, ...] = field(default=(), repr=False)
    _jwt_keys: frozenset[JwtAuthority] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "x509_authorities", tuple(dict.fromkeys(self.x509_authorities)))
        object.__setattr__(self, "jwt_authorities", tuple(dict.fromkeys(self.jwt_authorities)))
        object.__setattr__(self, "_jwt_keys", frozenset(self.jwt_authorities))
        if len({authority.key_id for authority in self._jwt_keys}) < len(self._jwt_keys):
            raise BundleError("JWT-SVID 6.1", "two different keys share a kid")
        if self.sequence is not None and self.sequence < 0:
            raise BundleError("Trust Domain and Bundle 4.1.1", "the sequence is negative")
        hint = self.refresh_hint
        if hint is not None and (hint < timedelta() or hint.microseconds):
            raise BundleError(
                "Trust Domain and Bundle 4.1.2", "the refresh hint is no whole second"
            )

    @cached_property
    def x509_der(self) -> bytes:
        """The X.509 authorities in DER, one after the other."""
        return b"".join(each.public_bytes(Encoding.DER) for each in self.x509_authorities)

    @cached_property
    def x509_pem(self) -> bytes:
        """The X.509 authorities in PEM, one after the other."""
        return b"".join(each.public_bytes(Encoding.PEM) for each in self.x509_authorities)

    @cached_property
    def crl_pem(self) -> bytes:
        """The revocation lists in PEM, one after the other."""
        return b"".join(
            x509.load_der_x509_crl(each).public_bytes(Encoding.PEM) for each in self.crls
        )

    @cached_property
    def jwks(self) -> bytes:
        """The JWT authorities as a JWK Set for the Workload API.

        Without ``use``, as SPIRE sends it: many JOSE libraries refuse any value but sig and enc.
        """
        keys = [jwt_key(each.key_id, each.public_key) for each in self.jwt_authorities]
        return dumps({"keys": keys})
