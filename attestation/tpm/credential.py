"""A secret that only one TPM can read, and only if it holds a certain key.

TPM2_MakeCredential of TPM 2.0 part 1, sections 24 and B.10, C.6: without a TPM. Pure but for the
random keys.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode

from accredit.attestation.tpm.public_area import Public
from accredit.attestation.tpm.wire import sized

_LABEL = b"IDENTITY\0"
_IV_BYTES = 16


@dataclass(frozen=True)
class Credential:
    """Both halves go to the TPM; sizes in front are left out, as SPIRE sends them."""

    blob: bytes = field(repr=False)
    encrypted_seed: bytes = field(repr=False)


def make_credential(endorsement_key: Public, name: bytes, secret: bytes) -> Credential:
    """Return ``secret`` for the TPM of ``endorsement_key``, to be had with the key ``name``.

    Raises:
        ValueError: the secret is longer than the hash of the key's name.
    """
    size = endorsement_key.hash.digest_size
    if not 0 < len(secret) <= size:
        raise ValueError(f"a secret has 1 to {size} bytes")
    seed, encrypted = _seed(endorsement_key)
    key = _kdf_a(endorsement_key, seed, b"STORAGE", name, endorsement_key.symmetric_bits // 8)
    encryptor = Cipher(AES(key), CFB(bytes(_IV_BYTES))).encryptor()
    hidden = encryptor.update(sized(secret)) + encryptor.finalize()
    outer = hmac.HMAC(_kdf_a(endorsement_key, seed, b"INTEGRITY", b"", size), endorsement_key.hash)
    outer.update(hidden + name)
    return Credential(sized(outer.finalize()) + hidden, encrypted)


def _seed(endorsement_key: Public) -> tuple[bytes, bytes]:
    kind = endorsement_key.hash
    if isinstance(endorsement_key.key, rsa.RSAPublicKey):
        seed = os.urandom(kind.digest_size)
        oaep = padding.OAEP(padding.MGF1(kind), kind, _LABEL)
        return seed, endorsement_key.key.encrypt(seed, oaep)
    return _agreed_seed(endorsement_key, endorsement_key.key)


def _agreed_seed(endorsement_key: Public, key: ec.EllipticCurvePublicKey) -> tuple[bytes, bytes]:
    ours = ec.generate_private_key(key.curve)
    shared = ours.exchange(ec.ECDH(), key)
    (own_x, own_y), (their_x, _) = _coordinates(ours.public_key()), _coordinates(key)
    kind = endorsement_key.hash
    kdf = ConcatKDFHash(kind, kind.digest_size, _LABEL + own_x + their_x)
    return kdf.derive(shared), sized(own_x) + sized(own_y)


def _coordinates(key: ec.EllipticCurvePublicKey) -> tuple[bytes, bytes]:
    size, numbers = (key.key_size + 7) // 8, key.public_numbers()
    return numbers.x.to_bytes(size, "big"), numbers.y.to_bytes(size, "big")


def _kdf_a(key: Public, seed: bytes, label: bytes, context: bytes, size: int) -> bytes:
    return KBKDFHMAC(
        algorithm=key.hash,
        mode=Mode.CounterMode,
        length=size,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=label,
        context=context,
        fixed=None,
    ).derive(seed)
