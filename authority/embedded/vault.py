"""The folder of the embedded authority: state and private keys, always in step.

::

    data_dir/authority.lock            held by the one process that uses the folder
    data_dir/authority/                0700, everything in it 0600
        state.db                       signers and sequence
        federation.db                  bundles of other trust domains, once one was fetched
        keys/x509-<key id>.key         private keys of roots, PKCS #8 PEM
        keys/jwt-<key id>.key          and of JWT keys

The first start builds all of it in ``authority.new``, brings it down to the disk and renames it.
Later a key is written before the state that names it, and removed after the state that no longer
needs it. So a crash at any moment leaves the whole old or the whole new authority; half of one is
damage from elsewhere, and an error. There is never a new authority in place of one that is there.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from accredit.authority.embedded import folder
from accredit.authority.embedded.signers import public_key
from accredit.authority.embedded.state import Kind, Signer, State
from accredit.authority.embedded.store import Store
from accredit.identity.errors import PrivateKeyError, StoreError
from accredit.identity.keys import PrivateKey, load_pkcs8, spki_der, to_pkcs8_pem
from accredit.identity.spiffe_id import TrustDomain

_logger = logging.getLogger(__name__)

Keys = Mapping[str, PrivateKey]


class Vault:
    """An open folder: ``state`` as it is on disk, ``keys`` by key id for every signer that signs.

    ``is_new`` tells that it was made just now. Belongs to one thread; writing takes some
    milliseconds of it, a few times a month.
    """

    is_new = False

    def __init__(self, path: Path, store: Store, state: State, keys: Keys, lock: int) -> None:
        self.state = state
        self.keys = dict(keys)
        self._path = path
        self._store = store
        self._lock = lock

    @classmethod
    def open(
        cls, data_dir: Path, trust_domain: TrustDomain, first: Callable[[], tuple[State, Keys]]
    ) -> Self:
        """Open the authority of ``data_dir``; where there is none, make the one ``first`` returns.

        Raises:
            StoreError: another process uses it, it is of another trust domain, or it is damaged,
                incomplete or open to others; the message names the file and the cure.
        """
        folder.check_data_dir(data_dir)
        lock = folder.lock(data_dir / "authority.lock")
        try:
            path = data_dir / "authority"
            is_new = _make_if_missing(path, first)
            vault = cls._open(path, trust_domain, lock)
        except BaseException:
            os.close(lock)
            raise
        vault.is_new = is_new
        return vault

    @classmethod
    def _open(cls, path: Path, trust_domain: TrustDomain, lock: int) -> Self:
        for private in (path, path / "keys"):
            folder.check_private_folder(private)
        store = Store(path / "state.db")
        try:
            state = store.load()
            _check_state(path / "state.db", state, trust_domain)
            keys = {signer.kid: _load(path, signer) for signer in state.signers if signer.signs}
        except BaseException:
            store.close()
            raise
        vault = cls(path, store, state, keys, lock)
        vault._remove_unused_keys()
        return vault

    @property
    def federation_path(self) -> Path:
        """Where bundles of other trust domains are kept."""
        return self._path / "federation.db"

    def close(self) -> None:
        """Let go of the folder."""
        self._store.close()
        os.close(self._lock)

    def save(self, state: State, new_keys: Keys | None = None) -> None:
        """Make ``state`` the state; ``new_keys`` are those of signers it has more.

        Raises:
            StoreError: the disk is full or broken; everything is as it was.
        """
        keys = {**self.keys, **(new_keys or {})}
        for signer in state.signers:
            if signer.kid not in self.keys and signer.signs:
                pem = to_pkcs8_pem(keys[signer.kid])
                folder.write_private(_key_path(self._path, signer), pem)
        # If this fails the new keys stay: a broken disk may yet have kept what it denied.
        self._store.save(state)
        self.state = state
        self.keys = {each.kid: keys[each.kid] for each in state.signers if each.signs}
        self._remove_unused_keys()

    def _remove_unused_keys(self) -> None:
        """Remove keys that a crash left behind, and those of signers that sign no more."""
        used = {_key_path(self._path, each) for each in self.state.signers if each.signs}
        for kind in Kind:
            for path in (self._path / "keys").glob(f"{kind}-*.key*"):
                if path not in used and path.suffix in {".key", folder.PART}:
                    self._remove(path)

    def _remove(self, path: Path) -> None:
        try:
            path.unlink()
        except OSError as error:
            _logger.warning(
                "unused key not removed", extra={"path": str(path), "error": str(error)}
            )
        else:
            _logger.info("unused key removed", extra={"path": str(path)})


def _make_if_missing(path: Path, first: Callable[[], tuple[State, Keys]]) -> bool:
    staging = path.with_name(path.name + ".new")
    try:
        if staging.exists():
            shutil.rmtree(staging)
        # lexists: a link that leads nowhere is damage, not an empty place.
        if os.path.lexists(path):
            return False
        try:
            _make(staging, *first())
        except StoreError:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        staging.rename(path)
        folder.sync_folder(path.parent)
    except OSError as error:
        raise folder.unusable(staging, error) from error
    return True


def _make(staging: Path, state: State, keys: Keys) -> None:
    (staging / "keys").mkdir(mode=0o700, parents=True)
    staging.chmod(0o700)
    for signer in state.signers:
        folder.write_private(_key_path(staging, signer), to_pkcs8_pem(keys[signer.kid]))
    with Store(staging / "state.db", create=True) as store:
        store.save(state)
    folder.sync_folder(staging)


def _key_path(path: Path, signer: Signer) -> Path:
    return path / "keys" / f"{signer.kind}-{signer.kid}.key"


def _check_state(path: Path, state: State, trust_domain: TrustDomain) -> None:
    if state.trust_domain != trust_domain:
        raise StoreError(
            path,
            f"is the authority of trust domain {state.trust_domain}, not of {trust_domain}",
            "set trust_domain back, or choose another data_dir",
        )
    for signer in state.signers:
        try:
            public_key(signer)
        except ValueError as error:
            raise StoreError(path, f"is damaged: {error}", "restore it from a backup") from error


def _load(path: Path, signer: Signer) -> PrivateKey:
    file = _key_path(path, signer)
    try:
        key = load_pkcs8(folder.read_private(file))
    except PrivateKeyError as error:
        raise StoreError(file, str(error), "restore it from a backup") from None
    if spki_der(key.public_key()) != spki_der(public_key(signer)):
        raise StoreError(
            file, f"does not fit the {signer.kind} key in state.db", "restore both from one backup"
        )
    return key
