"""One connection to a TPM, and the few things it is asked for; belongs to one thread.

Without a resource manager a TPM has three places for keys, and whatever a process leaves in them
stays there. So at most two keys of ours stay loaded, the storage key never does, and what a lost
connection or a killed process left is found again by its name. Others' keys are never touched.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from accredit.attestation.tpm.public_area import Public, parse_public
from accredit.attestation.tpm.tss import tss

_MOST_LOADED = 2
_MOST_HANDLES = 64
_BLOCK = 8  # registers that one answer may hold


@dataclass(frozen=True)
class Wrapped:
    """A key as it lies outside its TPM: of use to that TPM only, and only until it is cleared.

    ``public`` is a TPMT_PUBLIC, ``private`` the content of a TPM2B_PRIVATE.
    """

    public: bytes
    private: bytes = field(repr=False)

    @property
    def parsed(self) -> Public:
        """Its public area; AttestationError if that is damaged."""
        return parse_public(self.public)


class Connection:
    """An open TPM. libtss2's errors pass through; :class:`Device` knows what they mean.

    ``lost`` are the public areas of keys that earlier connections of ours may have left.
    """

    def __init__(self, tcti: str, lost: AbstractSet[bytes]) -> None:
        self.tss = tss()
        self.esapi = self.tss.ESAPI(tcti)
        self._loaded: OrderedDict[bytes, Any] = OrderedDict()
        try:
            self._left_behind = self._all_loaded()
            for public in self._left_behind.keys() & lost:
                self.esapi.flush_context(self._left_behind.pop(public))
            self._resets = self._reset_count()
        except self.tss.TSS2_Exception:
            self.esapi.close()
            raise

    def close(self) -> None:
        """Free what we loaded, if the TPM was not started anew meanwhile, and hang up."""
        with contextlib.suppress(self.tss.TSS2_Exception):
            # After a reset the same numbers are others' keys.
            if self._loaded and not self.was_reset():
                self.make_room(0)
        self.drop()

    def drop(self) -> AbstractSet[bytes]:
        """Hang up on a TPM that may be another by now; return what it holds of ours if it is not.

        They are public areas, for the next connection.
        """
        self.esapi.close()
        return set(self._loaded)

    def was_reset(self) -> bool:
        """Tell whether the TPM was started anew since we opened it, or cannot be asked."""
        try:
            return self._reset_count() != self._resets
        except self.tss.TSS2_Exception:
            return True

    def create(self, template: Any, secret: bytes = b"") -> Wrapped:
        """Return a new object below the storage key; only what is sealed brings its ``secret``."""
        sensitive = self.tss.TPM2B_SENSITIVE_CREATE(self.tss.TPMS_SENSITIVE_CREATE(data=secret))
        session = {}
        with self.storage_key() as parent, contextlib.ExitStack() as stack:
            if secret:
                protected = self.protected(parent, self.tss.TPM2_SE.HMAC, decrypt=True)
                session["session2"] = stack.enter_context(protected)
            private, public, *_ = self.esapi.create(parent, sensitive, template, **session)
        return Wrapped(public.publicArea.marshal(), bytes(private))

    def create_signing_key(self) -> Wrapped:
        """Return a new P-256 key that signs whatever it is given, and cannot be taken out."""
        kinds = self.tss.TPMA_OBJECT
        attributes = (
            kinds.FIXEDTPM | kinds.FIXEDPARENT | kinds.SENSITIVEDATAORIGIN | kinds.USERWITHAUTH
        )
        # NODA: no password to guess, so nothing of it may count as a guess and lock the TPM.
        attributes |= kinds.SIGN_ENCRYPT | kinds.NODA
        parse = self.tss.TPM2B_PUBLIC.parse
        return self.create(parse("ecc256:ecdsa-sha256:null", objectAttributes=attributes))

    def sign(self, key: Wrapped, digest: bytes) -> tuple[int, int]:
        """Return an ECDSA signature over a SHA-256 digest."""
        tss = self.tss
        ticket = tss.TPMT_TK_HASHCHECK(tag=tss.TPM2_ST.HASHCHECK, hierarchy=tss.TPM2_RH.NULL)
        scheme = tss.TPMT_SIG_SCHEME(scheme=tss.TPM2_ALG.NULL)  # the key's own
        made = self.esapi.sign(self.key(key), tss.TPM2B_DIGEST(digest), scheme, ticket)
        ecdsa = made.signature.ecdsa
        return int.from_bytes(bytes(ecdsa.signatureR)), int.from_bytes(bytes(ecdsa.signatureS))

    def key(self, key: Wrapped) -> Any:
        """Return the handle of ``key``, loaded if it is not."""
        if key.public in self._loaded:
            self._loaded.move_to_end(key.public)
        else:
            self.make_room(_MOST_LOADED - 1)
            found = self._left_behind.pop(key.public, None)
            self._loaded[key.public] = found or self._load(key)
        return self._loaded[key.public]

    def make_room(self, keep: int) -> None:
        """Free the keys that were not used for longest, all but ``keep``."""
        while len(self._loaded) > keep:
            _, handle = self._loaded.popitem(last=False)
            self.esapi.flush_context(handle)

    @contextlib.contextmanager
    def storage_key(self) -> Iterator[Any]:
        """Lend the parent of all our keys: derived anew from the TPM's seed each time."""
        self.make_room(_MOST_LOADED - 1)
        kinds = self.tss.TPMA_OBJECT
        template = self.tss.TPM2B_PUBLIC.parse(
            "ecc256:aes128cfb",
            objectAttributes=kinds.FIXEDTPM
            | kinds.FIXEDPARENT
            | kinds.SENSITIVEDATAORIGIN
            | kinds.USERWITHAUTH
            | kinds.NODA
            | kinds.RESTRICTED
            | kinds.DECRYPT,
        )
        handle, *_ = self.esapi.create_primary(
            self.tss.TPM2B_SENSITIVE_CREATE(), template, self.tss.ESYS_TR.OWNER
        )
        with self.freed(handle):
            yield handle

    @contextlib.contextmanager
    def protected(self, salted_with: Any, kind: Any, *, decrypt: bool = False) -> Iterator[Any]:
        """Lend a session that encrypts what is answered, or with ``decrypt`` what is asked.

        On the way to the TPM anybody may listen; the salt is for the TPM's own key only.
        """
        tss = self.tss
        cipher = tss.TPMT_SYM_DEF(
            algorithm=tss.TPM2_ALG.AES,
            keyBits=tss.TPMU_SYM_KEY_BITS(aes=128),
            mode=tss.TPMU_SYM_MODE(aes=tss.TPM2_ALG.CFB),
        )
        session = self.esapi.start_auth_session(
            salted_with, tss.ESYS_TR.NONE, kind, cipher, tss.TPM2_ALG.SHA256
        )
        with self.freed(session):
            direction = tss.TPMA_SESSION.DECRYPT if decrypt else tss.TPMA_SESSION.ENCRYPT
            self.esapi.trsess_set_attributes(session, direction | tss.TPMA_SESSION.CONTINUESESSION)
            yield session

    @contextlib.contextmanager
    def freed(self, handle: Any) -> Iterator[Any]:
        """Free an object or session at the end, whatever happens."""
        try:
            yield handle
        finally:
            # The TPM that has just failed cannot be asked; the error that counts is on its way.
            with contextlib.suppress(self.tss.TSS2_Exception):
                self.esapi.flush_context(handle)

    def pcrs(self, numbers: tuple[int, ...]) -> dict[int, bytes]:
        """Return the values of registers in the SHA-256 bank; those it lacks are left out."""
        found: dict[int, bytes] = {}
        wanted = list(numbers)
        while wanted:
            asked = tuple(wanted[:_BLOCK])
            _, selected, values = self.esapi.pcr_read(self.selection(asked))
            # A TPM may answer for fewer than it was asked, and says for which.
            told = [number for each in selected for number in _numbers(bytes(each.pcrSelect))]
            found |= dict(zip(told, (bytes(each) for each in values), strict=True))
            wanted = [each for each in wanted if each not in (told or asked)]
        return found

    def selection(self, numbers: tuple[int, ...]) -> Any:
        """Return these registers of the SHA-256 bank in the TPM's own form."""
        return self.tss.TPML_PCR_SELECTION.parse("sha256:" + ",".join(map(str, numbers)))

    def _load(self, key: Wrapped) -> Any:
        public, _ = self.tss.TPMT_PUBLIC.unmarshal(key.public)
        private = self.tss.TPM2B_PRIVATE(key.private)
        with self.storage_key() as parent:
            return self.esapi.load(parent, private, self.tss.TPM2B_PUBLIC(publicArea=public))

    def _all_loaded(self) -> dict[bytes, Any]:
        """Return what is loaded already, by public area: nothing, behind a resource manager."""
        first = self.tss.TPM2_HC.TRANSIENT_FIRST
        # A variable: what a capability holds is freed with it.
        _, capability = self.esapi.get_capability(self.tss.TPM2_CAP.HANDLES, first, _MOST_HANDLES)
        found = {}
        for number in list(capability.data.handles):
            handle = self.esapi.tr_from_tpmpublic(number)
            public, *_ = self.esapi.read_public(handle)
            found[public.publicArea.marshal()] = handle
        return found

    def _reset_count(self) -> int:
        return int(self.esapi.read_clock().clockInfo.resetCount)


def _numbers(bits: bytes) -> list[int]:
    chosen = int.from_bytes(bits, "little")
    return [number for number in range(chosen.bit_length()) if chosen >> number & 1]
