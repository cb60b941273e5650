"""Tokens, certificates and authorities, read from files that are replaced while we run."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from accredit.identity.errors import UnavailableError

_MAX_BYTES = 1 << 20
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,65536}")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Who verifies a server, and what we show it; ``ca`` None verifies nobody.

    Without ``name_checked`` the chain counts alone, whatever name the certificate has.
    """

    ca: Path | None
    name_checked: bool = True
    certificate: Path | None = None
    private_key: Path | None = None


@dataclass(slots=True)
class TlsContexts:
    """Gives the same context until the content of a file changes."""

    files: TlsFiles
    _read: tuple[bytes, ...] = ()
    _context: ssl.SSLContext | None = field(default=None, repr=False)

    def current(self) -> ssl.SSLContext:
        """Return it.

        Raises:
            UnavailableError: a file cannot be read or used; names it.
        """
        paths = [self.files.ca, self.files.certificate, self.files.private_key]
        content = tuple(read_small(path) for path in paths if path is not None)
        if self._context is None or content != self._read:
            self._context = _context(self.files, content[0] if self.files.ca else None)
            self._read = content
        return self._context


def read_token(path: Path) -> str:
    """Return the bearer token in the file, which the kubelet of this node itself replaces.

    Raises:
        UnavailableError: it cannot be read, or is no token.
    """
    text = read_small(path).decode("ascii", "replace").strip()
    if not _TOKEN.fullmatch(text):
        raise UnavailableError(f"{path} holds no token: expected one line of base64 and dots")
    return text


def read_small(path: Path) -> bytes:
    """Return what is in the file; raise UnavailableError if that is much or cannot be had."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnavailableError(f"{path} cannot be read: {reason}") from None
    if len(data) > _MAX_BYTES:
        raise UnavailableError(f"{path} is larger than {_MAX_BYTES} bytes")
    return data


def _context(files: TlsFiles, ca: bytes | None) -> ssl.SSLContext:
    # Not create_default_context: its strict flag (3.13) refuses authorities that kubeadm makes.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.check_hostname = files.name_checked and ca is not None
    if ca is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        _trust(context, files, ca)
    if files.certificate is not None:
        _show(context, files.certificate, files.private_key)
    return context


def _trust(context: ssl.SSLContext, files: TlsFiles, ca: bytes) -> None:
    # A cluster's file may hold the authority that signs, without the root above it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        roots = x509.load_pem_x509_certificates(ca)
    except (ValueError, x509.InvalidVersion):
        raise UnavailableError(f"{files.ca} holds no certificates in PEM") from None
    try:
        context.load_verify_locations(
            cadata=b"".join(each.public_bytes(Encoding.DER) for each in roots)
        )
    except ssl.SSLError as error:
        text = f"{files.ca} holds a certificate that cannot be used: {error.reason or error}"
        raise UnavailableError(text) from None


def _show(context: ssl.SSLContext, certificate: Path, private_key: Path | None) -> None:
    try:
        # With no password OpenSSL would ask for it on the terminal.
        context.load_cert_chain(certificate, private_key, password="")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or "no certificate and its key, in PEM"
        raise UnavailableError(
            f"{certificate} and {private_key} cannot be used: {reason}"
        ) from None
