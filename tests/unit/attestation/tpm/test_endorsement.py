from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from support.tpm_certificate import NOW, Maker

from accredit.attestation.tpm.endorsement import verify_endorsement
from accredit.identity.errors import AttestationError

_KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
_ROOT = Maker.new(text="root")
_BETWEEN = Maker.new(_ROOT, "between")
_EK = _BETWEEN.endorse(_KEY)


def test_a_root_that_the_operator_trusts_leads_to_it() -> None:
    chain = verify_endorsement(_EK, [_BETWEEN.certificate], [_ROOT.certificate], NOW)
    assert list(chain) == [_EK, _BETWEEN.certificate, _ROOT.certificate]


@pytest.mark.parametrize(
    ("roots", "days"), [([Maker.new(text="root").certificate], 0), ([_ROOT.certificate], 400)]
)
def test_an_unknown_maker_or_one_of_another_time_does_not(roots: list, days: int) -> None:  # type: ignore[type-arg]
    with pytest.raises(AttestationError, match="the endorsement certificate is not trusted"):
        verify_endorsement(_EK, [_BETWEEN.certificate], roots, NOW + timedelta(days=days))


def test_without_a_trusted_maker_none_is_trusted() -> None:
    with pytest.raises(AttestationError, match="no maker of TPMs is trusted here"):
        verify_endorsement(_EK, [], [], NOW)


def test_a_certificate_between_that_is_no_authority_leads_nowhere() -> None:
    impostor = Maker(_BETWEEN.key, _ROOT.endorse(_BETWEEN.key.public_key()))
    with pytest.raises(AttestationError, match="is not trusted"):
        verify_endorsement(impostor.endorse(_KEY), [impostor.certificate], [_ROOT.certificate], NOW)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (_BETWEEN.endorse(_KEY, []), "does not say that it is one"),
        (_BETWEEN.endorse(_KEY, [ExtendedKeyUsageOID.SERVER_AUTH]), "is for another purpose"),
        (_BETWEEN.endorse(_KEY, ca=True), "is that of an authority"),
    ],
)
def test_a_certificate_for_something_else_is_refused(wrong: object, words: str) -> None:
    with pytest.raises(AttestationError, match=words):
        verify_endorsement(wrong, [_BETWEEN.certificate], [_ROOT.certificate], NOW)  # type: ignore[arg-type]
