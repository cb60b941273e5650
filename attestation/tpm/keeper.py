"""What an authority needs to keep its keys in a TPM, or sealed to one."""

from __future__ import annotations

from collections.abc import Sequence

from accredit.attestation.tpm import key as tpm_key
from accredit.attestation.tpm import sealing
from accredit.attestation.tpm.device import Device
from accredit.attestation.tpm.key import TpmKey
from accredit.identity.errors import TpmError
from accredit.identity.keys import KeyType, PrivateKey


class TpmKeeper:
    """Makes keys in the TPM; their files are of use to that TPM only."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def generate(self, kind: KeyType) -> PrivateKey:
        """Return a new key; TpmUnavailableError or TpmError if the TPM makes none."""
        if kind is not KeyType.EC_P256:
            raise TpmError(f"keys in a TPM are {KeyType.EC_P256}, not {kind}")
        return tpm_key.make(self._device)

    def pack(self, name: str, key: PrivateKey) -> bytes:
        """Return the file of a key of ours."""
        del name
        assert isinstance(key, TpmKey)  # noqa: S101  no other can get here: it would have to be put in
        return tpm_key.to_pem(key)

    def unpack(self, name: str, data: bytes) -> PrivateKey:
        """Return the key, loaded once to see that this TPM can.

        Raises:
            PrivateKeyError, TpmError, TpmUnavailableError: see :func:`from_pem`.
        """
        del name
        return tpm_key.from_pem(self._device, data)


class TpmSealer:
    """Seals to a TPM and to registers; ``pcrs`` is None where new secrets are not sealed."""

    def __init__(self, device: Device, pcrs: Sequence[int] | None) -> None:
        self._device = device
        self._pcrs = pcrs

    def seal(self, secret: bytes) -> bytes:
        """Return the content of a file; TpmUnavailableError or TpmError as :func:`sealing.seal`."""
        return sealing.seal(self._device, secret, self._pcrs or ()).to_bytes()

    def unseal(self, sealed: bytes) -> bytes:
        """Return the secret; ValueError if it is no such file, else as :func:`sealing.unseal`."""
        return sealing.unseal(self._device, sealing.parse_sealed(sealed))

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether it is sealed to the registers of now; what they hold does not count."""
        found = set(sealing.parse_sealed(sealed).pcrs)
        return self._pcrs is None or found == set(self._pcrs)
