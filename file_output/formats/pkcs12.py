"""PKCS #12, which Java, .NET and Windows read."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    pkcs12,
)

from accredit.file_output.formats.content import Content
from accredit.file_output.formats.keystore import KEY_ALIAS, aliases, identity
from accredit.file_output.formats.pem import authorities
from accredit.identity.bundle import TrustBundle
from accredit.identity.x509_svid import X509Svid


def keystore(svid: X509Svid, password: str) -> Content:
    """Return chain and key: a secret. Without a password it is not encrypted."""
    data = pkcs12.serialize_key_and_certificates(
        KEY_ALIAS.encode("ascii"), svid.key, svid.leaf, svid.chain[1:], _encryption(password)
    )
    return Content(data, identity(svid.chain_der + svid.key_der, password), salted=True)


def truststore(of: TrustBundle, password: str) -> Content:
    """Return the authorities of one trust domain, marked as trusted for Java.

    Raises:
        BundleError: there is none.
    """
    found = authorities(of)
    named = [
        pkcs12.PKCS12Certificate(each, alias.encode("ascii"))
        for alias, each in zip(aliases(of.trust_domain, found), found, strict=True)
    ]
    data = pkcs12.serialize_java_truststore(named, _encryption(password))
    return Content(
        data,
        identity(b"".join(each.public_bytes(Encoding.DER) for each in found), password),
        salted=True,
    )


def _encryption(password: str) -> KeySerializationEncryption:
    return BestAvailableEncryption(password.encode("ascii")) if password else NoEncryption()
