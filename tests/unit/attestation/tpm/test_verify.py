from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from support import forged_tpm
from support.forged_tpm import ATTESTS, ENDORSES, RSAPSS, RSASSA, SHA384, SIGNS, Forger
from support.tpm_certificate import certificate

from accredit.attestation.tpm.public_area import Attributes, parse_public
from accredit.attestation.tpm.statement import CERTIFY, QUOTE
from accredit.attestation.tpm.verify import (
    check_attestation_key,
    check_device_key,
    check_endorsement_key,
    verify_certification,
    verify_quote,
)
from accredit.identity.errors import AttestationError

_EC = ec.generate_private_key(ec.SECP256R1())
_OTHER = ec.generate_private_key(ec.SECP256R1())
_RSA = rsa.generate_private_key(65537, 2048)
_NONCE = b"n" * 20
_PCRS = {0: b"\x00" * 32, 7: b"\x07" * 32, 16: b"\x10" * 32}
_AK = Forger(_EC)
_SIGNERS = [
    _AK,
    Forger(ec.generate_private_key(ec.SECP384R1()), scheme_hash=SHA384),
    Forger(_RSA, scheme=RSASSA),
    Forger(_RSA, scheme=RSAPSS),
]


@pytest.mark.parametrize("signer", _SIGNERS)
def test_a_quote_of_every_kind_of_key_is_accepted(signer: Forger) -> None:
    raw = signer.quote(_NONCE, _PCRS)
    found = verify_quote(raw, signer.sign(raw), signer.public, _NONCE, _PCRS)
    assert found.pcrs == (0, 7, 16)
    assert (found.reset_count, found.restart_count) == (7, 3)


@pytest.mark.parametrize("signer", _SIGNERS)
def test_a_certification_of_every_kind_of_key_is_accepted(signer: Forger) -> None:
    about = Forger(_OTHER, SIGNS).public
    raw = signer.certification(about)
    assert verify_certification(raw, signer.sign(raw), signer.public, about).name == about.name


@pytest.mark.parametrize(
    "missing",
    [
        Attributes.FIXED_TPM,
        Attributes.FIXED_PARENT,
        Attributes.SENSITIVE_DATA_ORIGIN,
        Attributes.RESTRICTED,
        Attributes.SIGN,
    ],
)
def test_a_key_that_could_lie_attests_nothing(missing: Attributes) -> None:
    liar = _AK.claiming(ATTESTS & ~missing)
    raw = liar.quote(_NONCE, _PCRS)
    with pytest.raises(AttestationError, match=f"the attestation key lacks {missing.name}"):
        verify_quote(raw, liar.sign(raw), liar.public, _NONCE, _PCRS)


def test_a_key_that_also_decrypts_or_signs_in_any_way_attests_nothing() -> None:
    for liar in (_AK.claiming(ATTESTS | Attributes.DECRYPT), Forger(_EC, scheme=0)):
        with pytest.raises(AttestationError, match="may do more than attest"):
            check_attestation_key(liar.public)


def test_an_answer_to_another_question_is_refused() -> None:
    raw = _AK.quote(b"o" * 20, _PCRS)
    with pytest.raises(AttestationError, match="answers another question"):
        verify_quote(raw, _AK.sign(raw), _AK.public, _NONCE, _PCRS)


def test_other_values_than_quoted_are_refused() -> None:
    raw = _AK.quote(_NONCE, _PCRS)
    for claimed in ({**_PCRS, 7: b"\x08" * 32}, {0: _PCRS[7], 7: _PCRS[0], 16: _PCRS[16]}):
        with pytest.raises(AttestationError, match="hold other values than claimed"):
            verify_quote(raw, _AK.sign(raw), _AK.public, _NONCE, claimed)


def test_other_registers_than_asked_are_refused() -> None:
    raw = _AK.quote(_NONCE, {0: _PCRS[0]})
    with pytest.raises(AttestationError, match="about other registers"):
        verify_quote(raw, _AK.sign(raw), _AK.public, _NONCE, _PCRS)


def test_registers_of_another_bank_are_refused() -> None:
    raw = _AK.quote(_NONCE, _PCRS, bank=0x0004)
    with pytest.raises(AttestationError, match="another bank than SHA-256"):
        verify_quote(raw, _AK.sign(raw), _AK.public, _NONCE, _PCRS)


def test_a_signature_by_another_key_or_over_other_bytes_is_refused() -> None:
    raw = _AK.quote(_NONCE, _PCRS)
    for signature in (Forger(_OTHER).sign(raw), _AK.sign(raw + b"x")):
        with pytest.raises(AttestationError, match="not signed by the key it names"):
            verify_quote(raw, signature, _AK.public, _NONCE, _PCRS)


def test_a_signature_of_another_scheme_is_refused() -> None:
    raw = _AK.quote(_NONCE, _PCRS)
    for signature in (
        Forger(_RSA, scheme=RSASSA).sign(raw),
        Forger(_EC, scheme_hash=SHA384).sign(raw),
    ):
        with pytest.raises(AttestationError, match="not of the scheme of its key"):
            verify_quote(raw, signature, _AK.public, _NONCE, _PCRS)


def test_one_kind_of_statement_does_not_pass_for_the_other() -> None:
    about = Forger(_OTHER, SIGNS).public
    raw = _AK.quote(_NONCE, _PCRS)
    with pytest.raises(AttestationError, match="states something else"):
        verify_certification(raw, _AK.sign(raw), _AK.public, about)
    raw = _AK.certification(about)
    with pytest.raises(AttestationError, match="states something else"):
        verify_quote(raw, _AK.sign(raw), _AK.public, _NONCE, _PCRS)


def test_bytes_that_no_tpm_made_are_refused() -> None:
    raw = forged_tpm.statement(CERTIFY, b"", b"\0\0\0\0", magic=0xFF544348)
    with pytest.raises(AttestationError, match="was not made by a TPM"):
        verify_certification(raw, _AK.sign(raw), _AK.public, _AK.public)


def test_a_statement_of_a_third_kind_is_refused() -> None:
    raw = forged_tpm.statement(0x8014, b"", b"")
    with pytest.raises(AttestationError, match="is of kind 0x8014, and a quote or"):
        verify_certification(raw, _AK.sign(raw), _AK.public, _AK.public)


@pytest.mark.parametrize("key", [_EC, _RSA])
def test_a_scheme_that_is_not_accepted_is_refused(key: forged_tpm.Key) -> None:
    odd = Forger(key, scheme=0x001C)  # ECSchnorr
    raw = odd.quote(_NONCE, _PCRS)
    with pytest.raises(AttestationError, match="of a scheme that is not accepted"):
        verify_quote(raw, odd.sign(raw), odd.public, _NONCE, _PCRS)


def test_a_choice_from_too_many_banks_is_refused() -> None:
    raw = forged_tpm.statement(QUOTE, _NONCE, (17).to_bytes(4, "big"))
    with pytest.raises(AttestationError, match="chooses from too many banks"):
        verify_quote(raw, _AK.sign(raw), _AK.public, _NONCE, _PCRS)


def test_a_certification_of_another_key_is_refused() -> None:
    about, other = Forger(_OTHER, SIGNS).public, Forger(_RSA, SIGNS, scheme=RSASSA).public
    raw = _AK.certification(other)
    with pytest.raises(AttestationError, match="certifies another key"):
        verify_certification(raw, _AK.sign(raw), _AK.public, about)


def test_a_short_nonce_or_no_register_is_the_askers_mistake() -> None:
    for nonce, pcrs in ((b"short", _PCRS), (_NONCE, {})):
        raw = _AK.quote(nonce, pcrs)
        with pytest.raises(ValueError, match="16 bytes of nonce and at least one register"):
            verify_quote(raw, _AK.sign(raw), _AK.public, nonce, pcrs)


@pytest.mark.parametrize(
    ("check", "good", "words"),
    [
        (check_device_key, SIGNS, "the device certificate is over another key"),
        (check_endorsement_key, ENDORSES, "the endorsement certificate is over another key"),
    ],
)
def test_a_certificate_over_a_software_key_proves_nothing(
    check: Callable[..., None], good: Attributes, words: str
) -> None:
    scheme = 0 if check is check_endorsement_key else forged_tpm.ECDSA
    public = Forger(_EC, good, scheme=scheme).public
    check(public, certificate(_EC.public_key()))
    with pytest.raises(AttestationError, match=words):
        check(public, certificate(_OTHER.public_key()))
    for attribute in good:
        lacking = Forger(_EC, good & ~attribute, scheme=scheme).public
        with pytest.raises(AttestationError, match=f"lacks {attribute.name}"):
            check(lacking, certificate(_EC.public_key()))


def test_keys_that_do_both_are_refused() -> None:
    both = SIGNS | Attributes.DECRYPT
    with pytest.raises(AttestationError, match="the device key may do more than sign"):
        check_device_key(Forger(_EC, both).public, certificate(_EC.public_key()))
    with pytest.raises(AttestationError, match="the endorsement key may do more than decrypt"):
        check_endorsement_key(
            Forger(_EC, ENDORSES | Attributes.SIGN, scheme=0).public,
            certificate(_EC.public_key()),
        )


def test_a_name_is_the_hash_of_the_whole_public_area() -> None:
    raw = forged_tpm.public_area(_EC, SIGNS, scheme=forged_tpm.ECDSA)
    other = forged_tpm.public_area(_EC, ATTESTS, scheme=forged_tpm.ECDSA)
    assert parse_public(raw).name != parse_public(other).name
    assert parse_public(raw).name[:2] == b"\x00\x0b"
