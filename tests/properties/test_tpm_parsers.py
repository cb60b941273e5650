"""Whatever somebody sends as a TPM's word is accepted as a whole, or refused in one way."""

from __future__ import annotations

import contextlib

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from support import forged_tpm
from support.forged_tpm import ECDSA, ENDORSES, RSASSA, SIGNS, Forger

from accredit.attestation.tpm.public_area import parse_public
from accredit.attestation.tpm.sealing import parse_sealed
from accredit.attestation.tpm.statement import check_signature, parse_statement
from accredit.attestation.tpm.verify import verify_quote
from accredit.identity.errors import AttestationError

_EC, _RSA = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
_AK = Forger(_EC)
_NONCE, _PCRS = b"n" * 20, {0: b"\0" * 32, 23: b"\1" * 32}
_QUOTE = _AK.quote(_NONCE, _PCRS)
_SIGNATURE = _AK.sign(_QUOTE)
_AREAS = [
    forged_tpm.public_area(_EC, SIGNS, scheme=ECDSA),
    forged_tpm.public_area(_EC, ENDORSES),
    forged_tpm.public_area(_RSA, SIGNS, scheme=RSASSA),
    forged_tpm.public_area(_RSA, ENDORSES),
]


@st.composite
def _mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Return a good one with a few bytes replaced, taken out or put in."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(data)


@given(_mutated(_AREAS) | st.binary(max_size=300))
def test_public_areas(data: bytes) -> None:
    with contextlib.suppress(AttestationError):
        assert parse_public(data).raw == data


@given(_mutated([_QUOTE, _AK.certification(_AK.public)]) | st.binary(max_size=300))
def test_statements(data: bytes) -> None:
    with contextlib.suppress(AttestationError):
        parse_statement(data)


@given(_mutated([_SIGNATURE]) | st.binary(max_size=200))
def test_signatures(data: bytes) -> None:
    with contextlib.suppress(AttestationError):
        check_signature(_QUOTE, data, _AK.public)


@given(_mutated([_QUOTE]))
def test_no_other_quote_passes(data: bytes) -> None:
    with contextlib.suppress(AttestationError):
        verify_quote(data, _SIGNATURE, _AK.public, _NONCE, _PCRS)
        assert data == _QUOTE


@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_files_of_sealed_secrets(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_sealed(data)
