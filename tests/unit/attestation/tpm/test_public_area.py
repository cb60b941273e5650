from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from support import forged_tpm
from support.forged_tpm import ECDSA, ENDORSES, RSASSA, SIGNS

from accredit.attestation.tpm.public_area import parse_public
from accredit.identity.errors import AttestationError

_EC = ec.generate_private_key(ec.SECP256R1())
_RSA = rsa.generate_private_key(65537, 2048)
_AREA = forged_tpm.public_area(_EC, SIGNS, scheme=ECDSA)


@pytest.mark.parametrize(
    ("key", "scheme"),
    [(_EC, ECDSA), (ec.generate_private_key(ec.SECP521R1()), ECDSA), (_RSA, RSASSA)],
)
def test_the_key_inside_is_the_key(key: forged_tpm.Key, scheme: int) -> None:
    found = parse_public(forged_tpm.public_area(key, SIGNS, scheme=scheme))
    assert found.key == key.public_key()
    assert found.attributes == SIGNS
    assert found.scheme == (scheme, forged_tpm.SHA256)
    assert found.symmetric_bits == 0


def test_a_key_that_decrypts_says_how_it_protects() -> None:
    found = parse_public(forged_tpm.public_area(_RSA, ENDORSES))
    assert (found.symmetric_bits, found.scheme) == (128, (0, 0))


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (0, b"\x00\x08", "RSA or ECC is expected"),
        (2, b"\x00\x04", "SHA-256, -384 or -512 is expected"),  # SHA-1
        (8, b"\xff\xff", "holds a buffer of 65535 bytes"),
        (10, b"\x00\x25", "does not protect with AES|ends early"),
        (14, b"\x00\x04", "SHA-256, -384 or -512 is expected"),
        (16, b"\x00\x01", "on a curve that is not accepted"),
        (22, b"\x00", "holds no point of its curve"),
    ],
)
def test_what_is_not_accepted_is_named(at: int, value: bytes, words: str) -> None:
    broken = _AREA[:at] + value + _AREA[at + len(value) :]
    with pytest.raises(AttestationError, match=words):
        parse_public(broken)


def test_bytes_behind_the_end_are_refused() -> None:
    with pytest.raises(AttestationError, match="has bytes behind its end"):
        parse_public(_AREA + b"\0")


def test_every_shorter_one_is_refused() -> None:
    for end in range(len(_AREA)):
        with pytest.raises(AttestationError):
            parse_public(_AREA[:end])


def test_an_rsa_key_of_another_size_than_it_says_is_refused() -> None:
    area = forged_tpm.public_area(_RSA, SIGNS, scheme=RSASSA)
    at = area.index(b"\x08\x00\x00\x00\x00\x00")
    for broken in (
        area[:at] + b"\x0c\x00" + area[at + 2 :],
        area[:at] + b"\x04\x00" + area[at + 2 :],
        area[: at + 5] + b"\x02" + area[at + 6 :],
    ):
        with pytest.raises(AttestationError, match="RSA key"):
            parse_public(broken)
