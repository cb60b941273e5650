"""X.509-SVIDs made per second, in a process of its own: ``python -m bench.signing``.

The agent's side is all that a renewal does: a new key, a signature by the embedded authority, the
checks of the result. The floor's is cryptography alone: key, builder, signature, DER.

``--tpm DEVICE`` has the authority's key in that TPM (a path, or ``swtpm:path=...``) instead, and
asks for one SVID at a time, then for several at once. It leaves nothing in the TPM.
"""

from __future__ import annotations

import argparse
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
from accredit.authority.embedded.keeping import Way, Ways
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.entry import Entry
from accredit.authority.entry_set import EntrySet
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.rotation.clock import SystemClock
from accredit.rotation.issuer import Issuer
from accredit.rotation.settings import RotationSettings

_SECONDS = 2.0
_AT_ONCE = 16
_HOUR = timedelta(hours=1)
_WEB = SpiffeId(TrustDomain("bench.example"), "/bench")
_ENTRY = Entry("bench", _WEB, frozenset([Selector("unix", "uid:1")]), _HOUR, _HOUR)


class _NoEntries:
    """The authority signs for whatever entry it is shown."""

    entries = EntrySet()

    def subscribe(self, _changed: Callable[[], None]) -> Callable[[], None]:
        """Nothing ever changes."""
        return lambda: None


async def _agent_rate(folder: Path, ways: Ways | None = None, at_once: int = 1) -> float:
    with closing(SystemClock()) as clock:
        authority = EmbeddedAuthority.open(
            folder, _WEB.trust_domain, EmbeddedSettings(), clock, _NoEntries(), ways=ways
        )
        with closing(authority):
            issuer = Issuer(authority, clock, RotationSettings())
            ends = time.perf_counter() + _SECONDS
            async with asyncio.TaskGroup() as group:
                makers = [group.create_task(_make(issuer, ends)) for _ in range(at_once)]
    return sum(maker.result() for maker in makers) / _SECONDS


async def _make(issuer: Issuer, ends: float) -> int:
    made = 0
    while time.perf_counter() < ends:
        svid = await issuer.issue(_ENTRY)
        assert svid.chain_der  # noqa: S101  what a delivery asks for
        assert svid.key_der  # noqa: S101
        made += 1
    return made


def _tpm_rates(folder: Path, device: str) -> dict[str, float]:
    # Not everybody who measures has a TPM, or its software.
    from accredit.attestation.tpm.device import Device  # noqa: PLC0415
    from accredit.attestation.tpm.keeper import TpmKeeper  # noqa: PLC0415
    from accredit.attestation.tpm.settings import TpmSettings  # noqa: PLC0415

    with closing(Device(TpmSettings(device))) as tpm:
        keeper = TpmKeeper(tpm)
        ways = Ways(Way.TPM, {Way.TPM: lambda _: keeper})
        return {
            f"tpm, {count} at once": asyncio.run(_agent_rate(folder, ways, count))
            for count in (1, _AT_ONCE)
        }


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
    """Print the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tpm", metavar="DEVICE", help="a TPM that signs")
    device = parser.parse_args().tpm
    with tempfile.TemporaryDirectory() as folder:
        rates = {"accredit": asyncio.run(_agent_rate(Path(folder) / "data"))}
        if device:
            rates |= _tpm_rates(Path(folder) / "tpm", device)
    print(json.dumps({**rates, "floor": _floor_rate()}))


if __name__ == "__main__":
    main()
