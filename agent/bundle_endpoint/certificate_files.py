"""Certificate and key of an ``https_web`` endpoint: what files hold, and whether it will do."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from accredit.agent.bundle_endpoint.key_file import read_key
from accredit.agent.bundle_endpoint.settings import EndpointSettings
from accredit.agent.bundle_endpoint.tls import server_context
from accredit.authority.federation.endpoint_url import EndpointUrl
from accredit.authority.trusted_text import read_trusted
from accredit.identity.errors import ConfigError, Mistake, X509SvidError
from accredit.identity.x509_profile import public_key_of

_LEAST_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class WebCertificate:
    """A usable pair; ``doubt`` is what a public visitor may stumble over, or empty."""

    context: ssl.SSLContext
    leaf: x509.Certificate
    doubt: str


def read_certificate(
    certificate: Path, key: Path, url: EndpointUrl | None, now: datetime
) -> WebCertificate:
    """Read both files and check them, Federation 5.2.1.3.

    Raises:
        ConfigError: every reason why no visitor could be served with them.
    """
    chain_pem, key_pem = read_trusted(certificate).encode(), read_key(key)
    leaf = _leaf(certificate, chain_pem)
    wrong = [Mistake(str(certificate), None, "", why) for why in _mistakes(leaf, url, now)]
    if wrong:
        raise ConfigError(wrong)
    try:
        context = server_context(chain_pem, key_pem)
    except ssl.SSLError as error:
        reason = (error.reason or "unusable").lower().replace("_", " ")
        text = f"is not the key of {certificate}, or is encrypted, or too weak: {reason}"
        raise ConfigError([Mistake(str(key), None, "", text)]) from None
    self_signed = "nobody trusts a self-signed certificate who was not given it"
    return WebCertificate(context, leaf, self_signed if leaf.issuer == leaf.subject else "")


def check_files(settings: EndpointSettings, now: datetime) -> None:
    """Require what :func:`read_certificate` does, of an endpoint that has files.

    Raises:
        ConfigError: every reason why no visitor could be served.
    """
    if settings.certificate is not None and settings.key is not None:
        read_certificate(settings.certificate, settings.key, settings.url, now)


def _leaf(path: Path, pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except (ValueError, x509.InvalidVersion):
        text = "holds no certificate in PEM; expected the server's own first, then intermediates"
        raise ConfigError([Mistake(str(path), None, "", text)]) from None


def _mistakes(leaf: x509.Certificate, url: EndpointUrl | None, now: datetime) -> Iterator[str]:
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        yield (
            f"is valid from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M:%S} to"
            f" {leaf.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC only"
        )
    try:
        key = public_key_of(leaf)
    except X509SvidError as error:
        yield error.reason
        return
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
        yield f"has an RSA key of {key.key_size} bits; expected {_LEAST_RSA_BITS} at least"
    if url is not None and not _names(leaf, url.host):
        yield f"does not name {url.host}, the host of url, in its SAN"


def _names(leaf: x509.Certificate, host: str) -> bool:
    try:
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    try:
        return ip_address(host) in san.get_values_for_type(x509.IPAddress)
    except ValueError:
        wanted = host.lower()
    names = {each.lower() for each in san.get_values_for_type(x509.DNSName)}
    # RFC 6125 6.4.3: a wildcard stands for the whole first label, and for one only.
    return wanted in names or f"*.{wanted.partition('.')[2]}" in names
