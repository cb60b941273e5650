"""What a TPM signs about itself, TPMS_ATTEST and TPMT_SIGNATURE of TPM 2.0 part 2. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from accredit.attestation.tpm.public_area import Hash, Public, read_hash
from accredit.attestation.tpm.wire import Reader
from accredit.identity.errors import AttestationError

_MAGIC = 0xFF544347  # TPM_GENERATED: a restricted key signs no bytes from outside that begin so
CERTIFY, QUOTE = 0x8017, 0x8018
_RSASSA, _RSAPSS, _ECDSA = 0x0014, 0x0016, 0x0018
_SHA256 = 0x000B
_MOST_SELECTIONS = 16


@dataclass(frozen=True)
class Statement:
    """``extra`` is the asker's nonce; the rest is of the one kind it is."""

    kind: int
    extra: bytes
    reset_count: int
    restart_count: int
    name: bytes = b""
    pcrs: tuple[int, ...] = ()
    pcr_digest: bytes = b""


def parse_statement(raw: bytes) -> Statement:
    """Parse a quote or the certification of a key.

    Raises:
        AttestationError: malformed, not made by a TPM, or of another kind.
    """
    reader = Reader(raw, "the TPM's statement")
    if reader.number(4) != _MAGIC:
        raise reader.refused("was not made by a TPM")
    kind = reader.number(2)
    reader.sized()  # the signer's qualified name: the signature says more
    extra = reader.sized()
    reader.number(8)  # clock
    resets, restarts = reader.number(4), reader.number(4)
    reader.number(1 + 8)  # safe, firmware
    common = (kind, extra, resets, restarts)
    if kind == CERTIFY:
        found = Statement(*common, name=reader.sized())
        reader.sized()  # qualified name
    elif kind == QUOTE:
        found = Statement(*common, pcrs=_selection(reader), pcr_digest=reader.sized())
    else:
        raise reader.refused(f"is of kind {kind:#06x}, and a quote or a certification is expected")
    reader.end()
    return found


def _selection(reader: Reader) -> tuple[int, ...]:
    """Return the chosen registers; all of them in the SHA-256 bank."""
    count = reader.number(4)
    if count > _MOST_SELECTIONS:
        raise reader.refused("chooses from too many banks")
    found: list[int] = []
    for _ in range(count):
        bank = reader.number(2)
        bits = int.from_bytes(reader.take(reader.number(1)), "little")
        if bank != _SHA256 and bits:
            raise reader.refused("is about another bank than SHA-256")
        found += [pcr for pcr in range(bits.bit_length()) if bits >> pcr & 1]
    return tuple(found)


def check_signature(raw: bytes, signature: bytes, signer: Public) -> None:
    """Require a signature by ``signer`` over ``raw``, in the TPM's own format.

    Raises:
        AttestationError: malformed, of another key, or over other bytes.
    """
    reader = Reader(signature, "the TPM's signature")
    scheme, number = reader.number(2), reader.number(2)
    kind = read_hash(reader, number)
    if (scheme, number) != signer.scheme:
        raise reader.refused("is not of the scheme of its key")
    try:
        if isinstance(signer.key, rsa.RSAPublicKey):
            signer.key.verify(_rsa(reader), raw, _padding(reader, scheme, kind), kind)
        else:
            signer.key.verify(_ecdsa(reader, scheme), raw, ec.ECDSA(kind))
    except InvalidSignature:
        raise AttestationError("the TPM's statement is not signed by the key it names") from None


def _rsa(reader: Reader) -> bytes:
    value = reader.sized()
    reader.end()
    return value


def _padding(reader: Reader, scheme: int, kind: Hash) -> padding.PKCS1v15 | padding.PSS:
    known: Mapping[int, padding.PKCS1v15 | padding.PSS] = {
        _RSASSA: padding.PKCS1v15(),
        _RSAPSS: padding.PSS(padding.MGF1(kind), padding.PSS.AUTO),
    }
    if scheme not in known:
        raise reader.refused("is of a scheme that is not accepted")
    return known[scheme]


def _ecdsa(reader: Reader, scheme: int) -> bytes:
    if scheme != _ECDSA:
        raise reader.refused("is of a scheme that is not accepted")
    r, s = (int.from_bytes(reader.sized(), "big") for _ in "rs")
    reader.end()
    return encode_dss_signature(r, s)
