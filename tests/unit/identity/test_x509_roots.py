from __future__ import annotations

from support.ca import TestCa

from accredit.identity.bundle import TrustBundle
from accredit.identity.x509_roots import is_root, usable_roots

CA = TestCa()
MIDDLE = CA.intermediate()


def test_only_self_signed_authorities_are_roots() -> None:
    assert is_root(CA.root)
    assert not is_root(MIDDLE.certificate)
    assert not is_root(CA.issue().leaf)
    bundle = TrustBundle(CA.trust_domain, (MIDDLE.certificate, CA.root, CA.issue().leaf))
    assert usable_roots(bundle) == (CA.root,)


def test_a_certificate_that_only_names_itself_as_its_issuer_is_no_root() -> None:
    same_name = CA.intermediate(subject=_common_name(CA))
    assert same_name.certificate.issuer == same_name.certificate.subject
    assert not is_root(same_name.certificate)


def test_a_self_signed_certificate_that_may_not_sign_is_no_root() -> None:
    assert not is_root(TestCa(ca=False).root)
    assert not is_root(TestCa(usage=("digital_signature",)).root)


def _common_name(ca: TestCa) -> str:
    (attribute,) = ca.certificate.subject
    return str(attribute.value)
