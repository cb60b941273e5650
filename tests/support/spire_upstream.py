"""A SPIRE Server whose own CA is signed by another one, of which its trust domain has the root."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.ca import TestCa


def plugin(folder: Path, signer: TestCa) -> str:
    """Return SPIRE's plug-in ``disk`` for a signer below a root; what it reads lies in ``folder``.

    SVIDs then come with SPIRE's CA and the signer behind them.
    """
    chain, key, root = (folder / name for name in ("signer.pem", "signer.key", "root.pem"))
    chain.write_bytes(_pem(*signer.above))
    root.write_bytes(_pem(signer.root))
    key.write_bytes(signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return f"""
    UpstreamAuthority "disk" {{
        plugin_data {{
            cert_file_path = "{chain}"
            key_file_path = "{key}"
            bundle_file_path = "{root}"
        }}
    }}
"""


def _pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)
