from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from support.ca import TestCa
from support.certificate import common_name
from support.clock import EPOCH

from accredit.identity.bundle_entry import (
    doubt_about,
    parse_jwt_entry,
    parse_x509_entry,
    x509_entry,
)
from accredit.identity.errors import X509SvidError
from accredit.identity.spiffe_id import TrustDomain

CA = TestCa()


def _with_an_ed25519_key() -> x509.Certificate:
    key = ed25519.Ed25519PrivateKey.generate()
    ends = CA.root.not_valid_after_utc
    name = common_name("Ed25519")
    return x509.CertificateBuilder(
        name, name, key.public_key(), 1, EPOCH, ends, list(CA.root.extensions)
    ).sign(key, None)


def test_an_authority_whose_key_nobody_could_use_is_not_published() -> None:
    with pytest.raises(X509SvidError, match="the authority's key is of an unsupported kind"):
        x509_entry(_with_an_ed25519_key())


def test_an_authority_whose_key_nobody_could_use_is_not_read() -> None:
    der = _with_an_ed25519_key().public_bytes(Encoding.DER)
    entry = {**x509_entry(CA.root), "x5c": [b64encode(der).decode()]}
    with pytest.raises(ValueError, match="the authority's key is of an unsupported kind"):
        parse_x509_entry(entry)


def test_an_entry_with_a_certificate_of_another_kind_of_key_is_refused() -> None:
    entry = x509_entry(CA.root)
    other = x509_entry(TestCa().root)["x5c"]
    with pytest.raises(ValueError, match="not of the entry's key"):
        parse_x509_entry({**entry, "x5c": other})


def test_entries_are_read_as_they_are_written() -> None:
    assert parse_x509_entry(x509_entry(CA.root)) == CA.root
    with pytest.raises(ValueError, match="kid is missing"):
        parse_jwt_entry(x509_entry(CA.root))


def test_an_authority_named_for_its_trust_domain_leaves_no_doubt() -> None:
    assert doubt_about(CA.root, TrustDomain("td.example")) == ""
    assert "spiffe://td.example, not spiffe://b.example" in doubt_about(
        CA.root, TrustDomain("b.example")
    )
