"""X.509-SVIDs made per second, in a process of its own: ``python -m bench.signing``.

The agent's side is all that a renewal does: a new key, a signature by the embedded authority, the
checks of the result. The floor's is cryptography alone: key, builder, signature, DER.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.entry import Entry
from accredit.authority.entry_set import EntrySet
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.rotation.clock import SystemClock
from accredit.rotation.issuer import Issuer
from accredit.rotation.settings import RotationSettings

_SECONDS = 2.0
_HOUR = timedelta(hours=1)
_WEB = SpiffeId(TrustDomain("bench.example"), "/bench")
_ENTRY = Entry("bench", _WEB, frozenset([Selector("unix", "uid:1")]), _HOUR, _HOUR)


class _NoEntries:
    """The authority signs for whatever entry it is shown."""

    entries = EntrySet()

    def subscribe(self, _changed: Callable[[], None]) -> Callable[[], None]:
        """Nothing ever changes."""
        return lambda: None


async def _agent_rate(folder: Path) -> float:
    with closing(SystemClock()) as clock:
        authority = EmbeddedAuthority.open(
            folder, _WEB.trust_domain, EmbeddedSettings(), clock, _NoEntries()
        )
        with closing(authority):
            issuer = Issuer(authority, clock, RotationSettings())
            made, ends = 0, time.perf_counter() + _SECONDS
            while time.perf_counter() < ends:
                svid = await issuer.issue(_ENTRY)
                assert svid.chain_der  # noqa: S101  what a delivery asks for
                assert svid.key_der  # noqa: S101
                made += 1
    return made / _SECONDS


def _floor_rate() -> float:
    make = _bare_maker()
    made, ends = 0, time.perf_counter() + _SECONDS
    while time.perf_counter() < ends:
        make()
        made += 1
    return made / _SECONDS


def _bare_maker() -> Callable[[], tuple[bytes, bytes]]:
    issuer_key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench.example")])
    key_usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    purposes = x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    )
    authority_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(str(_WEB))])
    now = datetime.now(UTC)

    def make() -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key()
        serial = x509.random_serial_number()
        leaf = (
            x509.CertificateBuilder(issuer, x509.Name([]), public, serial, now, now + _HOUR)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage, critical=True)
            .add_extension(purposes, critical=False)
            .add_extension(authority_id, critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(names, critical=True)
            .sign(issuer_key, hashes.SHA256())
        )
        pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return leaf.public_bytes(Encoding.DER), pkcs8

    return make


def main() -> None:
    """Print both rates."""
    with tempfile.TemporaryDirectory() as folder:
        agent = asyncio.run(_agent_rate(Path(folder) / "data"))
    print(json.dumps({"accredit": agent, "floor": _floor_rate()}))


if __name__ == "__main__":
    main()
