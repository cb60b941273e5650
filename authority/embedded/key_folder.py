"""The files of private keys, kept in one way or, while that changes, in several.

A key is written in its new way before the file of its old one goes, so that there is always one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from accredit.authority.embedded import folder
from accredit.authority.embedded.keeping import WRAPPING, Keeper, Way, Ways
from accredit.authority.embedded.signers import public_key
from accredit.authority.embedded.state import Kind, Signer
from accredit.identity.errors import PrivateKeyError, StoreError, TpmError
from accredit.identity.keys import KeyType, PrivateKey, spki_der

_logger = logging.getLogger(__name__)


class KeyFolder:
    """The keys of the authority in ``path``; belongs to one thread, but for ``generate``."""

    def __init__(self, path: Path, ways: Ways) -> None:
        self._path = path
        self._ways = ways
        self._keepers: dict[Way, Keeper] = {}

    def generate(self, kind: KeyType) -> PrivateKey:
        """Return a new key of the chosen way; may wait for a device.

        Raises:
            TpmUnavailableError: there is no TPM now.
            TpmError: it refuses.
        """
        return self._keeper(self._ways.chosen).generate(kind)

    def has(self, signer: Signer) -> bool:
        """Tell whether there is a key to load: it signs, or is old and still has one."""
        # Versions without revocation removed the key of a root as soon as it was old.
        here = os.path.lexists(self._file(signer, self._way(signer)))
        return signer.signs or (signer.keeps_key and here)

    def write(self, signer: Signer, key: PrivateKey) -> None:
        """Write the key of a new signer.

        Raises:
            StoreError: the disk is full or broken.
        """
        self._write(signer, key, self._ways.way_of(key, Way.PLAIN))

    def load(self, signer: Signer) -> PrivateKey:
        """Return the key of ``signer``, kept in the chosen way from now on.

        Raises:
            StoreError: it is missing, damaged, another's, or not to be had on this machine.
            TpmUnavailableError: there is no TPM now.
        """
        present = self._way(signer)
        file = self._file(signer, present)
        key = self._unpacked(present, file)
        if spki_der(key.public_key()) != spki_der(public_key(signer)):
            raise StoreError(
                file,
                f"does not fit the {signer.kind} key in state.db",
                "restore both from one backup",
            )
        if (wanted := self._ways.way_of(key, present)) is not present:
            self._write(signer, key, wanted)
            _logger.info(
                "key kept in another way now",
                extra={"kid": signer.kid, "was": present.name, "now": wanted.name},
            )
        return key

    def tidy(self, signers: Iterable[Signer]) -> None:
        """Remove what a crash left behind, and the keys of signers that need none."""
        used = {self._file(each, self._way(each)) for each in signers if each.keeps_key}
        for kind in Kind:
            for path in (self._path / "keys").glob(f"{kind}-*"):
                if path not in used and path.name.removesuffix(folder.PART).endswith(tuple(Way)):
                    _remove(path)
        if self._ways.chosen is not Way.SEALED and not any(p.suffix == Way.SEALED for p in used):
            self._remove_wrapping()

    def _remove_wrapping(self) -> None:
        if os.path.lexists(path := self._path / WRAPPING):
            _remove(path)

    def _way(self, signer: Signer) -> Way:
        """Return how its key is kept; the chosen way first, if a crash left several."""
        ways: tuple[Way, ...] = (self._ways.chosen, *Way)
        for way in ways:
            if os.path.lexists(self._file(signer, way)):
                return way
        return Way.PLAIN

    def _file(self, signer: Signer, way: Way) -> Path:
        return self._path / "keys" / f"{signer.kind}-{signer.kid}{way}"

    def _write(self, signer: Signer, key: PrivateKey, way: Way) -> None:
        file = self._file(signer, way)
        folder.write_private(file, self._keeper(way).pack(file.name, key))

    def _unpacked(self, way: Way, file: Path) -> PrivateKey:
        data = folder.read_private(file)
        try:
            return self._keeper(way).unpack(file.name, data)
        except PrivateKeyError as error:
            raise StoreError(file, str(error), "restore it from a backup") from None
        except TpmError as error:
            raise StoreError(file, error.reason, error.cure) from None

    def _keeper(self, way: Way) -> Keeper:
        if way not in self._keepers:
            self._keepers[way] = self._ways.openers[way](self._path)
        return self._keepers[way]


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        _logger.warning("unused key not removed", extra={"path": str(path), "error": str(error)})
    else:
        _logger.info("unused key removed", extra={"path": str(path)})
