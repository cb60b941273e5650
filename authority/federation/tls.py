"""TLS to bundle endpoints: what each profile demands of the server, SPIFFE Federation 5.2."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from accredit.authority.trusted_text import read_trusted
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import ConfigError, UnavailableError, X509SvidError
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.x509_verify import split_der, verify_x509_svid


def web_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return what verifies a server by trusted roots and its host name, Federation 5.2.1.4.

    Raises:
        UnavailableError: ``ca_file`` cannot be read, holds no certificates, or is open to others.
    """
    context = ssl.create_default_context() if ca_file is None else _trusting(ca_file)
    context.hostname_checks_common_name = False
    return _as_ours(context)


def _trusting(ca_file: Path) -> ssl.SSLContext:
    try:
        roots = x509.load_pem_x509_certificates(read_trusted(ca_file).encode())
    except ConfigError as error:
        raise UnavailableError(f"ca_file cannot be used: {error}") from None
    except (ValueError, x509.InvalidVersion):
        raise UnavailableError(f"ca_file cannot be used: {ca_file}: holds no PEM") from None
    # Never empty: OpenSSL would trust the system's roots instead.
    return ssl.create_default_context(
        cadata=b"".join(each.public_bytes(Encoding.DER) for each in roots)
    )


def spiffe_context() -> ssl.SSLContext:
    """Return what leaves the server's certificates to :func:`check_server`.

    OpenSSL would look for a host name, which an SVID need not have, and would take a certificate
    of any trust domain in its store for one of the right trust domain.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _as_ours(context)


def _as_ours(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def check_server(
    tls: ssl.SSLObject,
    expected: SpiffeId,
    bundles: Mapping[TrustDomain, TrustBundle],
    now: datetime,
) -> None:
    """Require that the server has shown an X.509-SVID of exactly that ID, Federation 5.2.2.4.

    Raises:
        X509SvidError: it has not.
    """
    found = verify_x509_svid(split_der(b"".join(_chain(tls))), bundles, now)
    if found != expected:
        raise X509SvidError("Federation 5.2.2.4", f"the server is {found}, not {expected}")


def _chain(tls: ssl.SSLObject) -> list[bytes]:
    """Return what the server has shown, in DER, leaf first; the handshake proved the leaf's key."""
    if sys.version_info >= (3, 13):
        return list(tls.get_unverified_chain())
    inner = tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001  public in 3.13 only
    return [each.public_bytes(ssl._ssl.ENCODING_DER) for each in inner.get_unverified_chain()]  # type: ignore[attr-defined]  # noqa: SLF001
