"""Private keys on disk, each encrypted with one wrapping key that a TPM alone tells.

The wrapping key is 32 random bytes, sealed in ``wrapping.tpm`` beside the folder of keys. It is
asked for once, at start; afterwards keys are encrypted and decrypted in memory, without the TPM.
Whoever has the wrapping key, and the folder, has the keys: as a *recovery key* it can be written
out and kept elsewhere, for the day on which the TPM, or what it measures, is another.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accredit.authority.embedded import folder
from accredit.authority.embedded.keeping import WRAPPING, PlainKeeper, Way
from accredit.identity.errors import PrivateKeyError, StoreError, TpmError
from accredit.identity.keys import KeyType, PrivateKey, load_pkcs8, to_pkcs8_der

_KEY_BYTES = 32
_NONCE_BYTES = 12
_MAGIC = b"accredit sealed key 1\n"
_RECOVER = "restore it from a backup, or run: accredit tpm provision --recover FILE"


class Sealer(Protocol):
    """Somebody who tells a secret again only on the same machine; a file holds what it needs."""

    def seal(self, secret: bytes) -> bytes:
        """Return the content of the file."""
        ...

    def unseal(self, sealed: bytes) -> bytes:
        """Return the secret; TpmError if it may not be told, ValueError if it is no such file."""
        ...

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether it is sealed as new ones would be."""
        ...


class SealedKeeper:
    """Keys encrypted with AES-256-GCM, each bound to the name of its file."""

    def __init__(self, wrapping_key: bytes) -> None:
        self._cipher = AESGCM(wrapping_key)

    def generate(self, kind: KeyType) -> PrivateKey:
        """Return a new key."""
        return PlainKeeper().generate(kind)

    def pack(self, name: str, key: PrivateKey) -> bytes:
        """Return the encrypted key; it opens under that name only."""
        nonce = os.urandom(_NONCE_BYTES)
        return _MAGIC + nonce + self._cipher.encrypt(nonce, to_pkcs8_der(key), _bound_to(name))

    def unpack(self, name: str, data: bytes) -> PrivateKey:
        """Return the key.

        Raises:
            PrivateKeyError: another wrapping key, another name, or damage.
        """
        nonce = data[len(_MAGIC) : len(_MAGIC) + _NONCE_BYTES]
        if not data.startswith(_MAGIC) or len(nonce) < _NONCE_BYTES:
            raise PrivateKeyError("sealed key", "the file is no sealed key")
        body = data[len(_MAGIC) + _NONCE_BYTES :]
        try:
            return load_pkcs8(self._cipher.decrypt(nonce, body, _bound_to(name)))
        except InvalidTag:
            raise PrivateKeyError("sealed key", "wrapping.tpm does not open it") from None


def _bound_to(name: str) -> bytes:
    return _MAGIC + name.encode()


def open_sealed(path: Path, sealer: Sealer) -> SealedKeeper:
    """Return the keeper of the authority in ``path``; make a wrapping key if there is none yet.

    Raises:
        StoreError: the wrapping key is missing, damaged, or the TPM does not tell it.
        TpmUnavailableError: there is no TPM now.
    """
    file = path / WRAPPING
    if not os.path.lexists(file) and not any((path / "keys").glob(f"*{Way.SEALED}")):
        seal_into(file, sealer, os.urandom(_KEY_BYTES))
    return SealedKeeper(wrapping_key(file, sealer))


def wrapping_key(file: Path, sealer: Sealer) -> bytes:
    """Return the wrapping key; sealed again, if the sealer would do it otherwise now.

    Raises:
        StoreError, TpmUnavailableError: as :func:`open_sealed`.
    """
    if not os.path.lexists(file):
        raise StoreError(file, "is missing", _RECOVER)
    sealed = folder.read_private(file)
    try:
        secret = sealer.unseal(sealed)
        current = sealer.is_current(sealed)
    except TpmError as error:
        raise StoreError(file, error.reason, error.cure) from None
    except ValueError as error:
        raise StoreError(file, f"is damaged: {error}", _RECOVER) from None
    if not current:
        seal_into(file, sealer, secret)
    return secret


def seal_into(file: Path, sealer: Sealer, secret: bytes) -> None:
    """Write ``secret``, sealed, in place of what is there.

    Raises:
        StoreError: the TPM refuses, or the disk does.
        TpmUnavailableError: there is no TPM now.
    """
    try:
        content = sealer.seal(secret)
    except TpmError as error:
        raise StoreError(file, f"cannot be sealed: {error.reason}", error.cure) from None
    folder.write_private(file, content)
