"""OpenSSL as a stranger's opinion of our certificates."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support import needs


def _pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def verifies(
    chain: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    at: datetime,
    *,
    purpose: str = "sslclient",
) -> bool:
    """Tell whether ``openssl verify -x509_strict`` accepts the chain, leaf first, at that time."""
    with tempfile.TemporaryDirectory() as folder:
        leaf, above, trusted = (Path(folder, name) for name in ("leaf", "above", "trusted"))
        leaf.write_bytes(_pem(chain[:1]))
        above.write_bytes(_pem(chain[1:]))
        trusted.write_bytes(_pem(roots))
        command = [
            str(needs.program("openssl", apt="openssl")),
            *("verify", "-x509_strict", "-attime"),
            *(str(int(at.timestamp())), "-purpose", purpose, "-CAfile", str(trusted)),
            *(("-untrusted", str(above)) if chain[1:] else ()),
            str(leaf),
        ]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


def text(certificate: x509.Certificate) -> str:
    """Return what ``openssl x509 -text`` prints."""
    return subprocess.run(
        [str(needs.program("openssl", apt="openssl")), "x509", "-noout", "-text"],
        input=_pem([certificate]).decode(),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
