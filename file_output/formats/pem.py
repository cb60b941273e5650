"""PEM, as OpenSSL and its users read it."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from accredit.file_output.formats.content import Content
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError
from accredit.identity.x509_profile import is_signing
from accredit.identity.x509_svid import X509Svid

_RULE = "X509-SVID 6"


def certificate(svid: X509Svid) -> Content:
    """Return leaf and intermediates, leaf first."""
    return Content.plain(svid.chain_pem)


def key(svid: X509Svid) -> Content:
    """Return the private key in PKCS #8: a secret."""
    return Content.plain(svid.key_pem)


def combined(svid: X509Svid) -> Content:
    """Return chain and key, for programs that read both from one file: a secret."""
    return Content.plain(svid.chain_pem + svid.key_pem)


def bundle(of: TrustBundle) -> Content:
    """Return the authorities of one trust domain.

    Raises:
        BundleError: there is none, and many programs take an empty list for "believe everyone".
    """
    return Content.plain(b"".join(each.public_bytes(Encoding.PEM) for each in authorities(of)))


def crl(of: TrustBundle) -> Content:
    """Return the revocation lists of one trust domain, one for each of its roots.

    Raises:
        BundleError: there is none, and programs do not start with an empty file.
    """
    if not of.crls:
        raise BundleError(
            "RFC 5280 5",
            f"there is no revocation list of {of.trust_domain}; a file of kind crl needs"
            " authority.embedded.always_crl: true",
        )
    return Content.plain(of.crl_pem)


def authorities(of: TrustBundle) -> tuple[x509.Certificate, ...]:
    """Return the authorities that may sign; a leaf among them would be believed for what it is.

    Raises:
        BundleError: there is none.
    """
    found = tuple(each for each in of.x509_authorities if is_signing(each))
    if not found:
        raise BundleError(_RULE, f"no X.509 authority of {of.trust_domain} is known")
    return found
