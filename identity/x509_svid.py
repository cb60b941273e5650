"""The X.509-SVID of a workload with its private key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from accredit.identity.errors import X509SvidError
from accredit.identity.keys import PrivateKey, to_pkcs8_der, to_pkcs8_pem
from accredit.identity.spiffe_id import SpiffeId
from accredit.identity.x509_profile import check_leaf, follows, public_key_of


@dataclass(frozen=True, eq=False, repr=False)
class X509Svid:
    """A certificate chain, leaf first, and the key of the leaf.

    The chain holds the leaf and intermediates, never the root. Equality is identity. The encodings
    are computed once. Whether the chain leads to a trusted root is ``verify_x509_svid``'s matter.

    Raises:
        X509SvidError: the leaf breaks X509-SVID section 5.2, names another ID or another key, or
            the chain is not in order.
    """

    spiffe_id: SpiffeId
    chain: tuple[x509.Certificate, ...]
    key: PrivateKey

    def __post_init__(self) -> None:
        if not self.chain:
            raise X509SvidError("X509-SVID 3", "the chain is empty")
        named = check_leaf(self.leaf)
        if named != self.spiffe_id:
            raise X509SvidError("X509-SVID 2", f"the leaf names {named}, not {self.spiffe_id}")
        if self.key.public_key() != public_key_of(self.leaf):
            raise X509SvidError("X509-SVID 3", "the private key does not fit the leaf")
        _check_order(self.chain)

    @property
    def leaf(self) -> x509.Certificate:
        """The workload's own certificate."""
        return self.chain[0]

    @cached_property
    def not_before(self) -> datetime:
        """When the leaf becomes valid."""
        return self.leaf.not_valid_before_utc

    @cached_property
    def not_after(self) -> datetime:
        """The last second at which the leaf is valid."""
        return self.leaf.not_valid_after_utc

    @cached_property
    def serial(self) -> str:
        """The leaf's serial number in lower-case hex."""
        return f"{self.leaf.serial_number:x}"

    @cached_property
    def chain_der(self) -> bytes:
        """The certificates in DER, one after the other."""
        return b"".join(certificate.public_bytes(Encoding.DER) for certificate in self.chain)

    @cached_property
    def chain_pem(self) -> bytes:
        """The certificates in PEM, one after the other."""
        return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in self.chain)

    @cached_property
    def key_der(self) -> bytes:
        """The private key in PKCS #8 DER, unencrypted: a secret."""
        return to_pkcs8_der(self.key)

    @cached_property
    def key_pem(self) -> bytes:
        """The private key in PKCS #8 PEM, unencrypted: a secret."""
        return to_pkcs8_pem(self.key)

    def expired(self, now: datetime) -> bool:
        """Tell whether ``now`` is past ``not_after``."""
        return now > self.not_after

    def __repr__(self) -> str:
        return f"X509Svid({self.spiffe_id}, serial={self.serial})"


def _check_order(chain: Sequence[x509.Certificate]) -> None:
    for lower, upper in pairwise(chain):
        if not follows(upper, lower):
            raise X509SvidError(
                "RFC 5280 6.1", "each certificate must be followed by the one that signed it"
            )
