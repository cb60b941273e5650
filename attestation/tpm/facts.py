"""What a TPM says of itself, for people who want to know which one they have."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accredit.attestation.tpm.connection import Connection
from accredit.attestation.tpm.evidence import EndorsementKind, endorsement_certificate

_PCRS = tuple(range(24))
_FIRST_PROPERTY, _PROPERTIES = 0x100, 32
_REVISION, _MAKER, _MODEL, _FIRMWARE = 0x102, 0x105, range(0x106, 0x10A), (0x10B, 0x10C)


@dataclass(frozen=True)
class Facts:
    """``certificates`` are the SHA-256 fingerprints of its endorsement certificates, by kind."""

    manufacturer: str
    model: str
    firmware: str
    specification: str
    pcrs: Mapping[int, bytes]
    certificates: Mapping[str, str]


def facts(connection: Connection) -> Facts:
    """Ask a TPM about itself."""
    found = _properties(connection)
    revision = found.get(_REVISION, 0)
    return Facts(
        manufacturer=_text(found.get(_MAKER, 0)),
        model="".join(_text(found.get(each, 0)) for each in _MODEL).strip(),
        firmware=".".join(str(part) for word in _FIRMWARE for part in _halves(found.get(word, 0))),
        specification=f"2.0 revision {revision // 100}.{revision % 100:02}",
        pcrs=connection.pcrs(_PCRS),
        certificates=_certificates(connection),
    )


def _properties(connection: Connection) -> dict[int, int]:
    kind = connection.tss.TPM2_CAP.TPM_PROPERTIES
    # A variable: what a capability holds is freed with it.
    _, capability = connection.esapi.get_capability(kind, _FIRST_PROPERTY, _PROPERTIES)
    listed: Any = capability.data.tpmProperties
    return {int(listed[at].property): int(listed[at].value) for at in range(listed.count)}


def _text(word: int) -> str:
    return word.to_bytes(4, "big").rstrip(b"\0 ").decode("ascii", "replace")


def _halves(word: int) -> tuple[int, int]:
    return word >> 16, word & 0xFFFF


def _certificates(connection: Connection) -> dict[str, str]:
    found = {kind: endorsement_certificate(connection, kind) for kind in EndorsementKind}
    return {str(kind): hashlib.sha256(der).hexdigest() for kind, der in found.items() if der}
