"""A small secret that only this TPM tells, and only while chosen registers hold what they held.

The PCRs (platform configuration registers) stand for the firmware, boot loader and kernel that ran.
The values at sealing are kept beside the secret, so that one can say which of them has changed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accredit.attestation.tpm.answers import is_policy_failure
from accredit.attestation.tpm.connection import Connection, Wrapped
from accredit.attestation.tpm.device import Device
from accredit.identity.errors import TpmError
from accredit.identity.strict_json import loads_object

MOST_BYTES = 128  # of one sealed object
_MOST_OUTSIDE = 1024  # of each half of it, as it lies outside its TPM
_REGISTERS = frozenset(range(32))
_VERSION = 1


@dataclass(frozen=True)
class Sealed:
    """``pcrs`` are the registers that guard it and the values they had."""

    wrapped: Wrapped
    pcrs: dict[int, bytes]

    def to_bytes(self) -> bytes:
        """Return it as a file's content."""
        pcrs = {str(number): value.hex() for number, value in self.pcrs.items()}
        return json.dumps(
            {
                "version": _VERSION,
                "pcrs": pcrs,
                "public": base64.b64encode(self.wrapped.public).decode(),
                "private": base64.b64encode(self.wrapped.private).decode(),
            },
            indent=1,
        ).encode()


def parse_sealed(data: bytes) -> Sealed:
    """Parse what :meth:`Sealed.to_bytes` wrote.

    Raises:
        ValueError: it is something else.
    """
    found = loads_object(data)
    match found:
        case {"version": 1, "pcrs": dict() as pcrs, "public": str(public), "private": str(private)}:
            halves = [base64.b64decode(each, validate=True) for each in (public, private)]
            if max(map(len, halves)) > _MOST_OUTSIDE:
                raise ValueError("it is larger than what a TPM seals")
            values = {int(n): bytes.fromhex(str(v)) for n, v in pcrs.items()}
            if not values.keys() <= _REGISTERS:
                raise ValueError("a TPM has no such PCR")
            return Sealed(Wrapped(*halves), values)
        case _:
            raise ValueError("expected a secret that a TPM sealed, version 1")


def seal(device: Device, secret: bytes, numbers: Sequence[int]) -> Sealed:
    """Return ``secret`` sealed to the TPM and to the present values of these registers.

    Raises:
        TpmUnavailableError: the TPM is away.
        TpmError: it has no such registers, or refuses.
    """
    chosen = tuple(sorted(numbers))
    return device.ask(lambda connection: _seal(connection, secret, chosen))


def unseal(device: Device, sealed: Sealed) -> bytes:
    """Return the secret.

    Raises:
        TpmUnavailableError: the TPM is away.
        TpmError: another TPM sealed it, or registers have changed: says which.
        ValueError: it is damaged.
    """
    return device.ask(lambda connection: _unseal(connection, sealed))


def changed(device: Device, sealed: Sealed) -> list[int]:
    """Return the registers that no longer hold what they held."""
    now = device.ask(lambda connection: connection.pcrs(tuple(sealed.pcrs)))
    return _changed(sealed, now)


def _changed(sealed: Sealed, now: dict[int, bytes]) -> list[int]:
    return [number for number, value in sealed.pcrs.items() if now.get(number) != value]


def _seal(connection: Connection, secret: bytes, numbers: tuple[int, ...]) -> Sealed:
    values = connection.pcrs(numbers)
    if missing := [number for number in numbers if number not in values]:
        raise TpmError(f"the TPM has no PCR {_listed(missing)} in its SHA-256 bank")
    tss = connection.tss
    kinds = tss.TPMA_OBJECT
    area = tss.TPMT_PUBLIC(
        type=tss.TPM2_ALG.KEYEDHASH,
        nameAlg=tss.TPM2_ALG.SHA256,
        objectAttributes=kinds.FIXEDTPM | kinds.FIXEDPARENT | kinds.NODA,
        authPolicy=_policy(connection, numbers) if numbers else b"",
    )
    if not numbers:
        area.objectAttributes |= kinds.USERWITHAUTH
    area.parameters.keyedHashDetail.scheme.scheme = tss.TPM2_ALG.NULL
    return Sealed(connection.create(tss.TPM2B_PUBLIC(publicArea=area), secret), values)


def _policy(connection: Connection, numbers: tuple[int, ...]) -> Any:
    tss, esapi = connection.tss, connection.esapi
    none = tss.TPMT_SYM_DEF(algorithm=tss.TPM2_ALG.NULL)
    nobody = tss.ESYS_TR.NONE
    session = esapi.start_auth_session(nobody, nobody, tss.TPM2_SE.TRIAL, none, tss.TPM2_ALG.SHA256)
    with connection.freed(session):
        esapi.policy_pcr(session, tss.TPM2B_DIGEST(), connection.selection(numbers))
        return esapi.policy_get_digest(session)


def _unseal(connection: Connection, sealed: Sealed) -> bytes:
    tss = connection.tss
    try:
        return _told(connection, sealed)
    except tss.TSS2_Exception as error:
        if not is_policy_failure(error.rc):
            raise
    numbers = _changed(sealed, connection.pcrs(tuple(sealed.pcrs)))
    raise TpmError(
        f"is sealed to other values of PCR {_listed(numbers or list(sealed.pcrs))} than the"
        " machine has now: its firmware, boot loader or kernel is another",
        "boot the old one, or run: accredit tpm provision --recover FILE",
    )


def _told(connection: Connection, sealed: Sealed) -> bytes:
    tss, esapi = connection.tss, connection.esapi
    connection.make_room(0)
    try:
        public, _ = tss.TPMT_PUBLIC.unmarshal(sealed.wrapped.public)
    except tss.TSS2_Exception:
        raise ValueError("its public area cannot be decoded") from None
    private = tss.TPM2B_PRIVATE(sealed.wrapped.private)
    with connection.storage_key() as parent:
        handle = esapi.load(parent, private, tss.TPM2B_PUBLIC(publicArea=public))
        kind = tss.TPM2_SE.POLICY if sealed.pcrs else tss.TPM2_SE.HMAC
        with connection.freed(handle), connection.protected(parent, kind) as session:
            if sealed.pcrs:
                selection = connection.selection(tuple(sealed.pcrs))
                esapi.policy_pcr(session, tss.TPM2B_DIGEST(), selection)
            return bytes(esapi.unseal(handle, session1=session))


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
