"""A key that a real TPM made: it signs, comes back from its file, and only such a key does."""

from __future__ import annotations

import copy

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from support.tpm_key import signs

from accredit.attestation.tpm import key as tpm_key
from accredit.attestation.tpm.connection import Connection, Wrapped
from accredit.attestation.tpm.device import Device
from accredit.attestation.tpm.key import TpmKey
from accredit.identity.errors import PrivateKeyError


def test_a_key_comes_back_from_its_file(device: Device) -> None:
    key = tpm_key.make(device)
    again = tpm_key.from_pem(device, tpm_key.to_pem(key))
    assert again.public_key() == key.public_key()
    signs(again)


def test_a_key_does_nothing_but_sign(device: Device) -> None:
    key = tpm_key.make(device)
    for refused in (
        lambda: key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        key.private_numbers,
        lambda: key.exchange(ec.ECDH(), key.public_key()),
    ):
        with pytest.raises(UnsupportedAlgorithm, match="cannot be taken out"):
            refused()
    for kind in (hashes.SHA384(), Prehashed(hashes.SHA256())):
        with pytest.raises(UnsupportedAlgorithm, match="signs with SHA-256 only"):
            key.sign(b"x" * 32, ec.ECDSA(kind))


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"-----BEGIN TSS2 PRIVATE KEY-----\n",
        lambda pem: pem.replace(b"BEGIN TSS2", b"BEGIN"),
        lambda pem: pem[:80] + pem[120:],
        lambda pem: pem[:40] + b"!!" + pem[42:],
    ],
)
def test_a_damaged_key_file_is_refused(device: Device, damage: object) -> None:
    assert callable(damage)
    with pytest.raises(PrivateKeyError):
        tpm_key.from_pem(device, damage(tpm_key.to_pem(tpm_key.make(device))))


@pytest.mark.parametrize(
    ("kind", "words"),
    [("ecc384:ecdsa-sha384:null", "expected a key on P-256"), ("rsa1024:rsassa-sha256", "size")],
)
def test_a_key_file_of_another_kind_is_refused(device: Device, kind: str, words: str) -> None:
    def other(connection: Connection) -> Wrapped:
        kinds = connection.tss.TPMA_OBJECT
        attributes = kinds.FIXEDTPM | kinds.FIXEDPARENT | kinds.SENSITIVEDATAORIGIN
        attributes |= kinds.USERWITHAUTH | kinds.SIGN_ENCRYPT
        return connection.create(
            connection.tss.TPM2B_PUBLIC.parse(kind, objectAttributes=attributes)
        )

    good = tpm_key.make(device)
    bad = TpmKey(device, device.ask(other), good.public_key())
    with pytest.raises(PrivateKeyError, match=words):
        tpm_key.from_pem(device, tpm_key.to_pem(bad))


def test_a_copy_of_a_key_is_the_same_key(device: Device) -> None:
    key = tpm_key.make(device)
    assert copy.copy(key) is copy.deepcopy(key) is key
    assert (key.curve.name, key.key_size) == ("secp256r1", 256)


def test_a_key_that_may_leave_its_tpm_is_refused(device: Device) -> None:
    def movable(connection: Connection) -> Wrapped:
        kinds = connection.tss.TPMA_OBJECT
        attributes = kinds.SENSITIVEDATAORIGIN | kinds.USERWITHAUTH | kinds.SIGN_ENCRYPT
        parse = connection.tss.TPM2B_PUBLIC.parse
        return connection.create(parse("ecc256:ecdsa-sha256:null", objectAttributes=attributes))

    good = tpm_key.make(device)
    bad = TpmKey(device, device.ask(movable), good.public_key())
    with pytest.raises(PrivateKeyError, match="may leave its TPM"):
        tpm_key.from_pem(device, tpm_key.to_pem(bad))
