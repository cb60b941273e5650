"""The recovery key: the wrapping key of sealed keys, written out to be kept elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accredit.authority.embedded import folder
from accredit.authority.embedded.keeping import WRAPPING, Way
from accredit.authority.embedded.sealed import (
    SealedKeeper,
    Sealer,
    seal_into,
    wrapping_key,
)
from accredit.identity.errors import PrivateKeyError, StoreError

_LINE = "accredit recovery key 1: {}\n"
_PATTERN = re.compile(rb"accredit recovery key 1: ([0-9a-f]{64})\s*")
_NO_AUTHORITY = "run accredit tpm provision without options first"


def export(data_dir: Path, sealer: Sealer, file: Path) -> None:
    """Write the recovery key of ``data_dir`` into a new file, mode 0600.

    Raises:
        StoreError: it cannot be unsealed, the folder is in use, or the file is there already.
        TpmUnavailableError: there is no TPM now.
    """
    if os.path.lexists(file):
        raise StoreError(file, "is there already", "choose another file")
    with _locked(data_dir) as path:
        secret = wrapping_key(path / WRAPPING, sealer)
        folder.write_private(file, _LINE.format(secret.hex()).encode())


def recover(data_dir: Path, sealer: Sealer, file: Path) -> None:
    """Seal the key in ``file`` to the TPM and the registers of now, in place of what is there.

    Raises:
        StoreError: the file is no recovery key, or not that of these keys; nothing was changed.
        TpmUnavailableError: there is no TPM now.
    """
    found = _PATTERN.fullmatch(folder.read_private(file))
    if found is None:
        raise StoreError(file, "is no recovery key", "take the file of provision --recovery-key")
    secret = bytes.fromhex(found[1].decode())
    with _locked(data_dir) as path:
        _check(path, SealedKeeper(secret), file)
        seal_into(path / WRAPPING, sealer, secret)


def _check(path: Path, keeper: SealedKeeper, file: Path) -> None:
    sealed = sorted((path / "keys").glob(f"*{Way.SEALED}"))
    if not sealed:
        raise StoreError(path, "has no sealed keys", _NO_AUTHORITY)
    for each in sealed:
        try:
            keeper.unpack(each.name, folder.read_private(each))
        except PrivateKeyError:
            raise StoreError(
                file, f"does not open {each}", "take the recovery key of this folder"
            ) from None


@contextmanager
def _locked(data_dir: Path) -> Iterator[Path]:
    """Lend the folder of the authority while no agent uses it."""
    folder.check_data_dir(data_dir)
    path = data_dir / "authority"
    if not path.is_dir():
        raise StoreError(path, "is missing", _NO_AUTHORITY)
    lock = folder.lock(data_dir / "authority.lock")
    try:
        folder.check_private_folder(path)
        yield path
    finally:
        os.close(lock)
