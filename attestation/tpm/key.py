"""A signing key inside the TPM, as ``cryptography`` knows keys, and the file it is kept in.

The file is a ``TSS2 PRIVATE KEY``, the format that OpenSSL's TPM providers read too: it holds
nothing that is of use without the TPM that made it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from accredit.attestation.tpm.answers import LostError
from accredit.attestation.tpm.connection import Connection, Wrapped
from accredit.attestation.tpm.device import Device
from accredit.attestation.tpm.public_area import Attributes
from accredit.attestation.tpm.tss import tss
from accredit.identity.errors import AttestationError, PrivateKeyError
from accredit.identity.keys import RemoteKey

T = TypeVar("T")

_KEPT_INSIDE = Attributes.FIXED_TPM | Attributes.FIXED_PARENT | Attributes.SIGN


class TpmKey(RemoteKey):
    """P-256, signs SHA-256 digests; the key itself never leaves the TPM."""

    def __init__(self, device: Device, wrapped: Wrapped, public: ec.EllipticCurvePublicKey) -> None:
        self._device = device
        self._public = public
        self.wrapped = wrapped

    async def run(self, work: Callable[[], T]) -> T:
        """Return what ``work``, which signs with this key, returns in the TPM's thread."""
        return await self._device.run(work)

    def sign(
        self,
        data: bytes | bytearray | memoryview,
        signature_algorithm: ec.EllipticCurveSignatureAlgorithm,
    ) -> bytes:
        """Return a DER signature; waits for the TPM.

        Raises:
            TpmUnavailableError: the TPM is away.
            TpmError: it refuses.
        """
        digest = _digest(bytes(data), signature_algorithm.algorithm)
        return self._device.ask(lambda connection: self._signed(connection, digest))

    def _signed(self, connection: Connection, digest: bytes) -> bytes:
        made = encode_dss_signature(*connection.sign(self.wrapped, digest))
        try:
            # A TPM that was started anew may hold somebody else's key where ours was.
            self._public.verify(made, digest, ec.ECDSA(Prehashed(hashes.SHA256())))
        except InvalidSignature:
            raise LostError from None
        return made

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Return the public half."""
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """In bits."""
        return self._public.key_size

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> bytes:
        """It signs only."""
        del algorithm, peer_public_key
        _refuse()

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        """They never leave the TPM."""
        _refuse()

    def private_bytes(self, *args: object, **options: object) -> bytes:
        """They never leave the TPM."""
        del args, options
        _refuse()

    def __copy__(self) -> TpmKey:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> TpmKey:
        return self


def _digest(data: bytes, kind: hashes.HashAlgorithm | Prehashed) -> bytes:
    if isinstance(kind, Prehashed) or not isinstance(kind, hashes.SHA256):
        raise UnsupportedAlgorithm("this key in the TPM signs with SHA-256 only")
    context = hashes.Hash(kind)
    context.update(data)
    return context.finalize()


def _refuse() -> NoReturn:
    raise UnsupportedAlgorithm("the key is in the TPM: it signs, and cannot be taken out")


def make(device: Device) -> TpmKey:
    """Make a new key in the TPM.

    Raises:
        TpmUnavailableError: the TPM is away.
        TpmError: it refuses.
    """
    return _key(device, device.ask(Connection.create_signing_key))


def to_pem(key: TpmKey) -> bytes:
    """Return the file of a key; the TPM is not asked."""
    area, _ = tss().TPMT_PUBLIC.unmarshal(key.wrapped.public)
    public = tss().TPM2B_PUBLIC(publicArea=area)
    private = tss().TPM2B_PRIVATE(key.wrapped.private)
    pem: bytes = tss().tsskey.TSSPrivKey(private, public).to_pem()
    return pem


def from_pem(device: Device, data: bytes) -> TpmKey:
    """Return the key of a file, once the TPM has shown that it can load it.

    Raises:
        PrivateKeyError: it is no such file, or of a key that could have left its TPM.
        TpmUnavailableError: the TPM is away.
        TpmError: another TPM made it.
    """
    key = _key(device, _read(data))
    device.ask(lambda connection: connection.key(key.wrapped))
    return key


def _read(data: bytes) -> Wrapped:
    try:
        found = tss().tsskey.TSSPrivKey.from_pem(data)
        return Wrapped(found.public.publicArea.marshal(), bytes(found.private))
    except (ValueError, TypeError, tss().TSS2_Exception):
        raise PrivateKeyError("TSS2 PRIVATE KEY", "it cannot be decoded") from None


def _key(device: Device, wrapped: Wrapped) -> TpmKey:
    try:
        public = wrapped.parsed
    except AttestationError as error:
        raise PrivateKeyError("TPM 2.0 part 2, 12.2", str(error)) from None
    if not public.has(_KEPT_INSIDE) or Attributes.RESTRICTED in public.attributes:
        raise PrivateKeyError("TPM 2.0 part 2, 8.3", "it may leave its TPM, or cannot sign")
    if not isinstance(public.key, ec.EllipticCurvePublicKey) or public.key.key_size != 256:
        raise PrivateKeyError("TPM 2.0 part 2, 12.2", "expected a key on P-256")
    return TpmKey(device, wrapped, public.key)
