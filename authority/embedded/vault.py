"""The folder of the embedded authority: state and private keys, always in step.

::

    data_dir/authority.lock            held by the one process that uses the folder
    data_dir/authority/                0700, everything in it 0600
        state.db                       signers and sequence
        federation.db                  bundles of other trust domains, once one was fetched
        revocation.db                  what was signed, and what was revoked
        wrapping.tpm                   what sealed keys are encrypted with; only for those
        keys/x509-<key id>.key         private keys of roots, PKCS #8 PEM
        keys/jwt-<key id>.key          and of JWT keys; .sealed or .tpm if kept in such a way

The first start builds all of it in ``authority.new``, brings it down to the disk and renames it.
Later a key is written before the state that names it, and removed after the state that no longer
needs it. So a crash at any moment leaves the whole old or the whole new authority; half of one is
damage from elsewhere, and an error. There is never a new authority in place of one that is there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from accredit.authority.embedded import folder
from accredit.authority.embedded.keeping import Ways
from accredit.authority.embedded.key_folder import KeyFolder
from accredit.authority.embedded.signers import Generate, public_key
from accredit.authority.embedded.state import Signer, State
from accredit.authority.embedded.store import Store
from accredit.identity.errors import AccreditError, StoreError
from accredit.identity.keys import KeyType, PrivateKey
from accredit.identity.spiffe_id import TrustDomain

Keys = Mapping[str, PrivateKey]
First = Callable[[Generate], tuple[State, Keys]]


class Vault:
    """An open folder: ``state`` as it is on disk, ``keys`` by key id for every signer that signs.

    A root has its key until it is trusted no more, as its revocation list is signed with it.

    ``is_new`` tells that it was made just now. Belongs to one thread; writing takes some
    milliseconds of it, a few times a month.
    """

    is_new = False

    def __init__(  # noqa: PLR0913, PLR0917  what is open, and what is in it
        self, path: Path, store: Store, state: State, key_folder: KeyFolder, keys: Keys, lock: int
    ) -> None:
        self.state = state
        self.keys = dict(keys)
        self._path = path
        self._store = store
        self._key_folder = key_folder
        self._lock = lock

    @classmethod
    def open(
        cls, data_dir: Path, trust_domain: TrustDomain, first: First, ways: Ways | None = None
    ) -> Self:
        """Open the authority of ``data_dir``; where there is none, make the one ``first`` returns.

        Keys that are not kept in the chosen one of ``ways`` (plain files, if it is None) are moved.

        Raises:
            StoreError: another process uses it, it is of another trust domain, or it is damaged,
                incomplete or open to others; the message names the file and the cure.
            TpmUnavailableError: keys are in a TPM, or sealed to it, and there is none now.
            TpmError: the TPM refuses to make keys.
        """
        ways = ways or Ways()
        folder.check_data_dir(data_dir)
        lock = folder.lock(data_dir / "authority.lock")
        try:
            path = data_dir / "authority"
            is_new = _make_if_missing(path, first, ways)
            vault = cls._open(path, trust_domain, KeyFolder(path, ways), lock)
        except BaseException:
            os.close(lock)
            raise
        vault.is_new = is_new
        return vault

    @classmethod
    def _open(cls, path: Path, trust_domain: TrustDomain, key_folder: KeyFolder, lock: int) -> Self:
        for private in (path, path / "keys"):
            folder.check_private_folder(private)
        store = Store(path / "state.db")
        try:
            state = store.load()
            _check_state(path / "state.db", state, trust_domain)
            keys = {
                each.kid: key_folder.load(each) for each in state.signers if key_folder.has(each)
            }
        except BaseException:
            store.close()
            raise
        key_folder.tidy(state.signers)
        return cls(path, store, state, key_folder, keys, lock)

    @property
    def federation_path(self) -> Path:
        """Where bundles of other trust domains are kept."""
        return self._path / "federation.db"

    @property
    def revocation_path(self) -> Path:
        """Where it is written down what was signed and what was revoked."""
        return self._path / "revocation.db"

    def generate(self, kind: KeyType) -> PrivateKey:
        """Return a new key, kept nowhere yet; safe in any thread, and may take seconds.

        Raises:
            TpmUnavailableError: keys are made by a TPM, and there is none now.
            TpmError: it refuses.
        """
        return self._key_folder.generate(kind)

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
                self._key_folder.write(signer, keys[signer.kid])
        # If this fails the new keys stay: a broken disk may yet have kept what it denied.
        self._store.save(state)
        self.state = state
        self.keys = {each.kid: keys[each.kid] for each in state.signers if _keeps(keys, each)}
        self._key_folder.tidy(state.signers)


def _make_if_missing(path: Path, first: First, ways: Ways) -> bool:
    staging = path.with_name(path.name + ".new")
    try:
        if staging.exists():
            shutil.rmtree(staging)
        # lexists: a link that leads nowhere is damage, not an empty place.
        if os.path.lexists(path):
            return False
        try:
            _make(staging, first, KeyFolder(staging, ways))
        except AccreditError:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        staging.rename(path)
        folder.sync_folder(path.parent)
    except OSError as error:
        raise folder.unusable(staging, error) from error
    return True


def _make(staging: Path, first: First, key_folder: KeyFolder) -> None:
    (staging / "keys").mkdir(mode=0o700, parents=True)
    staging.chmod(0o700)
    state, keys = first(key_folder.generate)
    for signer in state.signers:
        key_folder.write(signer, keys[signer.kid])
    with Store(staging / "state.db", create=True) as store:
        store.save(state)
    folder.sync_folder(staging)


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


def _keeps(keys: Keys, signer: Signer) -> bool:
    return signer.signs or (signer.keeps_key and signer.kid in keys)
