"""Sizes and refusals; tests/integration has a TPM open the credentials."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from support.forged_tpm import ENDORSES, Forger, Key

from accredit.attestation.tpm.credential import make_credential

_RSA, _EC = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(("key", "seed"), [(_RSA, 256), (_EC, 68)])
def test_a_credential_has_the_size_a_tpm_expects_and_is_another_each_time(
    key: Key, seed: int
) -> None:
    endorsement = Forger(key, ENDORSES, scheme=0).public
    one, other = (make_credential(endorsement, b"name", b"s" * 32) for _ in range(2))
    assert (len(one.blob), len(one.encrypted_seed)) == (68, seed)
    assert one.blob != other.blob
    assert b"s" * 8 not in one.blob
    assert "blob" not in repr(one)


@pytest.mark.parametrize("secret", [b"", b"s" * 33])
def test_a_secret_of_a_wrong_size_is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="a secret has 1 to 32 bytes"):
        make_credential(Forger(_EC, ENDORSES, scheme=0).public, b"name", secret)
