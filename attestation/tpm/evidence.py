"""What a TPM says to somebody else: its endorsement, an attestation key, quotes, activation.

Keys live in the TPM only while they are used: three have room there, and others use it too. Who
checks all of it, without a TPM, is :mod:`verify`, :mod:`endorsement` and :mod:`credential`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from accredit.attestation.tpm.connection import Connection, Wrapped
from accredit.attestation.tpm.wire import Reader, sized
from accredit.identity.errors import TpmError

_NV_MAX = 64 * 1024
# TCG EK Credential Profile 2.5, section B.6.5: the other branch of the policy of P-384 keys. One
# cannot compute it without the NV index it speaks of.
_OTHER_BRANCH_P384 = bytes.fromhex(
    "d6032ce61f2fb3c240eb3cf6a33237ef2b6a16f4293c22b455e261cffd217ad5"
    "b4947c2d73e63005eed2dc2b3593d165"
)


class EndorsementKind(StrEnum):
    """The endorsement keys that makers of TPMs certify, by libtss2's names for them."""

    RSA_2048 = "EK-RSA2048"
    ECC_P256 = "EK-ECC256"
    ECC_P384 = "EK-HIGH-ECC384"


class AttestationKind(StrEnum):
    """The attestation keys we make, in libtss2's grammar."""

    RSA = "rsa2048:rsassa-sha256:null"
    ECC = "ecc256:ecdsa-sha256:null"


@dataclass(frozen=True)
class Endorsement:
    """``certificate`` is None where the maker left none; ``public`` is a TPMT_PUBLIC."""

    public: bytes
    certificate: bytes | None


@dataclass(frozen=True)
class Quoted:
    """A statement and its signature in the TPM's own format, and the values it is about."""

    statement: bytes
    signature: bytes
    pcrs: dict[int, bytes] = field(default_factory=dict)


def endorsement_certificate(connection: Connection, kind: EndorsementKind) -> bytes | None:
    """Return the maker's certificate in DER, without what the TPM pads it with."""
    certificate, _ = _template(connection, kind)
    return _der(certificate) if certificate else None


def endorsement(connection: Connection, kind: EndorsementKind) -> Endorsement:
    """Return the endorsement key and its certificate.

    Raises:
        TpmError: this TPM has no such key.
    """
    certificate, template = _template(connection, kind)
    with _endorsement_key(connection, template) as (_, public):
        return Endorsement(public, _der(certificate) if certificate else None)


def create_attestation_key(connection: Connection, kind: AttestationKind) -> Wrapped:
    """Return a new key that signs statements of this TPM and nothing else."""
    kinds = connection.tss.TPMA_OBJECT
    attributes = kinds.FIXEDTPM | kinds.FIXEDPARENT | kinds.SENSITIVEDATAORIGIN
    attributes |= kinds.USERWITHAUTH | kinds.NODA | kinds.RESTRICTED | kinds.SIGN_ENCRYPT
    parse = connection.tss.TPM2B_PUBLIC.parse
    return connection.create(parse(str(kind), objectAttributes=attributes))


def quote(connection: Connection, key: Wrapped, nonce: bytes, pcrs: Sequence[int]) -> Quoted:
    """Return what the registers hold, signed together with the asker's ``nonce``."""
    tss, chosen = connection.tss, tuple(sorted(pcrs))
    made, signature = connection.esapi.quote(
        connection.key(key), connection.selection(chosen), tss.TPM2B_DATA(nonce)
    )
    return Quoted(bytes(made), signature.marshal(), connection.pcrs(chosen))


def certify(connection: Connection, key: Wrapped, by: Wrapped) -> Quoted:
    """Return the statement of one key that another is in this TPM."""
    tss = connection.tss
    signer, subject = connection.key(by), connection.key(key)
    scheme = tss.TPMT_SIG_SCHEME(scheme=tss.TPM2_ALG.NULL)
    made, signature = connection.esapi.certify(
        subject, signer, qualifying_data=tss.TPM2B_DATA(), in_scheme=scheme
    )
    return Quoted(bytes(made), signature.marshal())


def activate(
    connection: Connection, kind: EndorsementKind, key: Wrapped, blob: bytes, encrypted_seed: bytes
) -> bytes:
    """Return the secret of a credential made for the endorsement key and for ``key``."""
    tss, esapi = connection.tss, connection.esapi
    _, template = _template(connection, kind)
    handle = connection.key(key)
    connection.make_room(1)
    with (
        _endorsement_key(connection, template) as (endorser, _),
        _policy(connection, kind) as session,
    ):
        found = esapi.activate_credential(
            handle,
            endorser,
            tss.TPM2B_ID_OBJECT(blob),
            tss.TPM2B_ENCRYPTED_SECRET(encrypted_seed),
            session1=tss.ESYS_TR.PASSWORD,
            session2=session,
        )
    return bytes(found)


def _template(connection: Connection, kind: EndorsementKind) -> tuple[bytes | None, Any]:
    utils = connection.tss.utils
    try:
        certificate, template = utils.create_ek_template(kind, utils.NVReadEK(connection.esapi))
    except ValueError:  # there is no such certificate, and without one no such key
        return None, None
    return certificate, template


@contextmanager
def _endorsement_key(connection: Connection, template: Any) -> Iterator[tuple[Any, bytes]]:
    if template is None:
        raise TpmError("the TPM has no endorsement key of that kind")
    tss = connection.tss
    handle, public, *_ = connection.esapi.create_primary(
        tss.TPM2B_SENSITIVE_CREATE(), template, tss.ESYS_TR.ENDORSEMENT
    )
    with connection.freed(handle):
        yield handle, public.publicArea.marshal()


@contextmanager
def _policy(connection: Connection, kind: EndorsementKind) -> Iterator[Any]:
    """Lend a session that shows the endorsement hierarchy's (empty) password."""
    tss, esapi = connection.tss, connection.esapi
    high = kind is EndorsementKind.ECC_P384
    none, nobody = tss.TPMT_SYM_DEF(algorithm=tss.TPM2_ALG.NULL), tss.ESYS_TR.NONE
    session = esapi.start_auth_session(
        nobody,
        nobody,
        tss.TPM2_SE.POLICY,
        none,
        tss.TPM2_ALG.SHA384 if high else tss.TPM2_ALG.SHA256,
    )
    with connection.freed(session):
        esapi.policy_secret(
            tss.ESYS_TR.ENDORSEMENT, session, tss.TPM2B_NONCE(), tss.TPM2B_DIGEST(), b"", 0
        )
        if high:
            branches = [bytes(esapi.policy_get_digest(session)), _OTHER_BRANCH_P384]
            esapi.policy_or(session, tss.TPML_DIGEST(branches))
        yield session


def _der(stored: bytes) -> bytes:
    """Return the one certificate that ``stored`` begins with."""
    reader = Reader(stored, "the endorsement certificate")
    head = reader.take(2)
    if head != b"\x30\x82":
        raise reader.refused("is no certificate")
    return head + sized(reader.sized(_NV_MAX))
