from __future__ import annotations

import pytest
from cryptography import x509
from support.ca import TestCa

from accredit.identity import x509_extension
from accredit.identity.errors import X509SvidError
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

A = SpiffeId.parse("spiffe://td.example/a")
CA = TestCa()
KEY = CA.key.public_key()


def _critical(extensions: x509_extension.Extensions) -> dict[type[x509.ExtensionType], bool]:
    return {type(extension.value): extension.critical for extension in extensions}


@pytest.mark.rows("XI-04", "XI-09", "XI-15")
def test_a_leaf_has_these_extensions_and_no_others() -> None:
    shared = x509_extension.of_every_leaf(CA.certificate, KEY)
    assert _critical([*shared, *x509_extension.of_leaf(A, KEY, ())]) == {
        x509.BasicConstraints: True,
        x509.KeyUsage: True,
        x509.SubjectAlternativeName: True,
        x509.ExtendedKeyUsage: False,
        x509.AuthorityKeyIdentifier: False,
        x509.SubjectKeyIdentifier: False,
    }


@pytest.mark.rows("XI-09", "XI-17", "XI-23", "XI-26")
def test_a_root_has_these_extensions_and_no_others() -> None:
    assert _critical(x509_extension.of_root(TrustDomain("td.example"), KEY, None)) == {
        x509.BasicConstraints: True,
        x509.KeyUsage: True,
        x509.SubjectAlternativeName: False,
        x509.SubjectKeyIdentifier: False,
    }


@pytest.mark.parametrize("name", ["a", "a.svc", "*.a.svc", "a_b", "1.2", "a" * 63])
def test_a_lower_case_dns_name_is_accepted(name: str) -> None:
    *_, names = x509_extension.of_leaf(A, KEY, [name])
    assert isinstance(names.value, x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == [name]


@pytest.mark.parametrize(
    "name",
    [
        *("", "*", "*.", "*a", "*.*.a", "A.svc", "a..b", ".a", "a.", "-a", "a-", "a b"),
        *("é", "a\n", "a/b", "a" * 64, ".".join(["a" * 63] * 4)),
    ],
)
def test_anything_else_is_no_dns_name(name: str) -> None:
    with pytest.raises(X509SvidError, match="is not a lower-case DNS name"):
        x509_extension.of_leaf(A, KEY, [name])
