"""What a real TPM says about itself, checked by who has none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from cryptography import x509
from support import swtpm
from support.swtpm import SoftwareTpm

from accredit.attestation.tpm import evidence
from accredit.attestation.tpm.connection import Connection
from accredit.attestation.tpm.credential import make_credential
from accredit.attestation.tpm.device import Device
from accredit.attestation.tpm.endorsement import verify_endorsement
from accredit.attestation.tpm.evidence import AttestationKind, EndorsementKind
from accredit.attestation.tpm.public_area import parse_public
from accredit.attestation.tpm.sealing import seal
from accredit.attestation.tpm.verify import (
    check_attestation_key,
    check_endorsement_key,
    verify_certification,
    verify_quote,
)
from accredit.identity.errors import AttestationError, TpmError

_PCRS = tuple(range(12))  # more than one answer of a TPM holds


@pytest.fixture(scope="module")
def tpm() -> Iterator[SoftwareTpm]:
    with swtpm.running(certified=True) as tpm:
        yield tpm


@pytest.fixture(scope="module")
def device(tpm: SoftwareTpm) -> Iterator[Device]:
    with closing(Device(tpm.settings)) as device:
        yield device


def _authorities(tpm: SoftwareTpm) -> tuple[x509.Certificate, x509.Certificate]:
    files = ("issuer.pem", "swtpm-localca-rootca-cert.pem")
    issuer, root = (
        x509.load_pem_x509_certificate((tpm.folder / "ca" / name).read_bytes()) for name in files
    )
    return issuer, root


@pytest.mark.parametrize("kind", AttestationKind)
def test_a_quote_and_a_certification_hold(device: Device, kind: AttestationKind) -> None:
    key = device.ask(lambda tpm: evidence.create_attestation_key(tpm, kind))
    public = parse_public(key.public)
    check_attestation_key(public)
    nonce = os.urandom(20)
    quoted = device.ask(lambda tpm: evidence.quote(tpm, key, nonce, _PCRS))
    found = verify_quote(quoted.statement, quoted.signature, public, nonce, quoted.pcrs)
    assert found.pcrs == _PCRS
    with pytest.raises(AttestationError, match="answers another question"):
        verify_quote(quoted.statement, quoted.signature, public, os.urandom(20), quoted.pcrs)
    signing = device.ask(Connection.create_signing_key)
    certified = device.ask(lambda tpm: evidence.certify(tpm, signing, by=key))
    verify_certification(certified.statement, certified.signature, public, signing.parsed)
    with pytest.raises(AttestationError, match="certifies another key"):
        verify_certification(certified.statement, certified.signature, public, public)


def test_an_attestation_key_signs_no_invented_statement(device: Device) -> None:
    key = device.ask(lambda tpm: evidence.create_attestation_key(tpm, AttestationKind.ECC))
    with pytest.raises(TpmError, match="refuses"):
        device.ask(lambda tpm: tpm.sign(key, b"d" * 32))


@pytest.mark.parametrize("kind", EndorsementKind)
def test_a_credential_is_opened_by_its_tpm_and_for_its_key_only(
    device: Device, kind: EndorsementKind
) -> None:
    endorsement = device.ask(lambda tpm: evidence.endorsement(tpm, kind))
    key, other = (
        device.ask(lambda tpm: evidence.create_attestation_key(tpm, AttestationKind.ECC))
        for _ in range(2)
    )
    secret = os.urandom(32)
    made = make_credential(parse_public(endorsement.public), key.parsed.name, secret)
    parts = (made.blob, made.encrypted_seed)
    assert device.ask(lambda tpm: evidence.activate(tpm, kind, key, *parts)) == secret
    with pytest.raises(TpmError, match="did not make it"):
        device.ask(lambda tpm: evidence.activate(tpm, kind, other, *parts))


def test_another_tpm_does_not_open_it_and_keeps_nothing_of_it(device: Device) -> None:
    """With ECC: libtpms 0.9 goes out of order over a foreign seed encrypted with RSA."""
    kind = EndorsementKind.ECC_P256
    endorsement = device.ask(lambda tpm: evidence.endorsement(tpm, kind))
    with swtpm.running() as stranger, closing(Device(stranger.settings)) as elsewhere:
        key = elsewhere.ask(lambda tpm: evidence.create_attestation_key(tpm, AttestationKind.ECC))
        made = make_credential(parse_public(endorsement.public), key.parsed.name, b"s" * 32)
        parts = (made.blob, made.encrypted_seed)
        with pytest.raises(TpmError, match="did not make it"):
            elsewhere.ask(lambda tpm: evidence.activate(tpm, kind, key, *parts))
        assert stranger.loaded() == 1  # the key that is kept ready


@pytest.mark.parametrize("kind", [EndorsementKind.RSA_2048, EndorsementKind.ECC_P384])
def test_the_maker_vouches_for_the_endorsement_key(
    tpm: SoftwareTpm, device: Device, kind: EndorsementKind
) -> None:
    endorsement = device.ask(lambda tpm: evidence.endorsement(tpm, kind))
    assert endorsement.certificate is not None
    certificate = x509.load_der_x509_certificate(endorsement.certificate)
    check_endorsement_key(parse_public(endorsement.public), certificate)
    issuer, root = _authorities(tpm)
    chain = verify_endorsement(certificate, [issuer], [root], datetime.now(UTC))
    assert list(chain) == [certificate, issuer, root]
    with pytest.raises(AttestationError, match="is not trusted"):
        verify_endorsement(certificate, [], [root], datetime.now(UTC))


def test_a_tpm_whose_maker_left_nothing_says_so() -> None:
    with swtpm.running() as bare, closing(Device(bare.settings)) as device:
        found = device.ask(lambda tpm: evidence.endorsement(tpm, EndorsementKind.RSA_2048))
        assert found.certificate is None
        with pytest.raises(TpmError, match="no endorsement key of that kind"):
            device.ask(lambda tpm: evidence.endorsement(tpm, EndorsementKind.ECC_P384))


def test_registers_are_missing_where_the_tpm_has_another_bank_only() -> None:
    with (
        swtpm.running(certified=True, bank="sha384") as tpm,
        closing(Device(tpm.settings)) as device,
    ):
        assert device.ask(lambda connection: connection.pcrs(_PCRS)) == {}
        with pytest.raises(TpmError, match="no PCR 0, 7 in its SHA-256 bank"):
            seal(device, b"secret", [7, 0])
