from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.x509.oid import ExtendedKeyUsageOID
from support import openssl
from support.ca import TestCa
from support.clock import EPOCH

from accredit.identity.errors import X509SvidError
from accredit.identity.keys import KeyType, PrivateKey, PublicKey, generate
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.x509_issue import build_leaf, build_root
from accredit.identity.x509_profile import check_leaf, find_extension, uri_names

TD = TrustDomain("td.example")
A = SpiffeId.parse("spiffe://td.example/a")
HOUR = timedelta(hours=1)
Extension = TypeVar("Extension", bound=x509.ExtensionType)


def _root(key: PrivateKey, trust_domain: TrustDomain = TD, **fields: Any) -> x509.Certificate:
    return build_root(
        trust_domain, key, not_before=EPOCH - HOUR, not_after=EPOCH + 24 * HOUR, **fields
    )


KEY = generate(KeyType.EC_P256)
ROOT = _root(KEY)
LEAF_KEY = generate(KeyType.EC_P256).public_key()


def _leaf(
    spiffe_id: SpiffeId = A,
    public_key: PublicKey = LEAF_KEY,
    *,
    issuer: x509.Certificate = ROOT,
    issuer_key: PrivateKey = KEY,
    not_before: datetime = EPOCH,
    not_after: datetime = EPOCH + HOUR,
    dns_names: Sequence[str] = (),
) -> x509.Certificate:
    return build_leaf(
        spiffe_id,
        public_key,
        issuer=issuer,
        issuer_key=issuer_key,
        not_before=not_before,
        not_after=not_after,
        dns_names=dns_names,
    )


def _extension(certificate: x509.Certificate, kind: type[Extension]) -> x509.Extension[Extension]:
    return certificate.extensions.get_extension_for_class(kind)


LEAF = _leaf()
RSA_LEAF = _leaf(public_key=generate(KeyType.RSA_2048).public_key())


@pytest.mark.rows("XI-01")
def test_a_leaf_has_its_id_as_its_one_uri_san() -> None:
    assert uri_names(LEAF) == ["spiffe://td.example/a"]
    assert check_leaf(LEAF) == A


@pytest.mark.rows("XI-02")
def test_a_leaf_may_have_dns_names_beside_its_id() -> None:
    leaf = _leaf(dns_names=["a.svc", "*.a.svc", "a_b.svc"])
    names = _extension(leaf, x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.svc", "*.a.svc", "a_b.svc"]
    assert uri_names(leaf) == ["spiffe://td.example/a"]


@pytest.mark.rows("XI-03")
def test_a_leaf_without_a_path_is_not_signed() -> None:
    with pytest.raises(X509SvidError, match=r"needs a path: spiffe://td.example \(X509-SVID 3.1\)"):
        _leaf(TD.id)


@pytest.mark.rows("XI-04", "XI-28")
def test_the_subject_of_a_leaf_is_empty_and_its_san_critical() -> None:
    assert list(LEAF.subject) == []
    assert _extension(LEAF, x509.SubjectAlternativeName).critical


@pytest.mark.rows("XI-05", "XI-06", "XI-07", "XI-26")
def test_only_the_root_may_sign_and_only_it_has_a_path_length() -> None:
    leaf, root = (_extension(each, x509.BasicConstraints) for each in (LEAF, ROOT))
    assert (leaf.value.ca, leaf.value.path_length) == (False, None)
    assert (root.value.ca, root.value.path_length, root.critical) == (True, None, True)
    limited = _extension(_root(KEY, path_length=0), x509.BasicConstraints)
    assert (limited.value.ca, limited.value.path_length) == (True, 0)


@pytest.mark.rows(
    *("XI-08", "XI-09", "XI-10", "XI-11", "XI-12", "XI-13", "XI-14", "XI-24", "XI-25"),
)
def test_key_usage_is_critical_and_says_what_each_certificate_is_for() -> None:
    def set_bits(certificate: x509.Certificate) -> set[str]:
        usage = _extension(certificate, x509.KeyUsage)
        assert usage.critical
        value = usage.value
        names = [
            *("digital_signature", "content_commitment", "key_encipherment"),
            *("data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"),
        ]
        return {name for name in names if getattr(value, name)}

    assert set_bits(LEAF) == {"digital_signature"}
    assert set_bits(RSA_LEAF) == {"digital_signature", "key_encipherment"}
    assert set_bits(ROOT) == {"key_cert_sign", "crl_sign"}


@pytest.mark.rows("XI-15", "XI-16", "XI-17")
def test_a_leaf_is_for_servers_and_clients_and_a_root_does_not_say() -> None:
    purposes = _extension(LEAF, x509.ExtendedKeyUsage)
    assert set(purposes.value) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    assert not purposes.critical
    assert find_extension(ROOT, x509.ExtendedKeyUsage) is None


@pytest.mark.rows("SV-02", "SV-03", "SV-04", "XI-18", "XI-19", "XI-20")
def test_a_root_is_the_svid_of_its_trust_domain() -> None:
    assert uri_names(ROOT) == ["spiffe://td.example"]


@pytest.mark.rows("XI-23")
def test_a_root_has_no_name_constraints() -> None:
    assert find_extension(ROOT, x509.NameConstraints) is None


@pytest.mark.rows("SV-08", "BE-20")
def test_a_root_is_signed_by_itself() -> None:
    assert ROOT.issuer == ROOT.subject
    ROOT.verify_directly_issued_by(ROOT)


def test_no_two_roots_share_a_name_even_with_one_key() -> None:
    names = {_root(KEY).subject.public_bytes() for _ in range(10)}
    assert len(names) == 10


def test_a_root_of_a_trust_domain_with_the_longest_name_can_be_built() -> None:
    root = _root(KEY, TrustDomain("a" * 255))
    assert uri_names(root) == [f"spiffe://{'a' * 255}"]
    assert openssl.verifies([root], [root], EPOCH, purpose="any")


@pytest.mark.rows("XI-26")
def test_the_basics_of_rfc_5280_hold() -> None:
    for certificate in (ROOT, LEAF):
        assert certificate.version == x509.Version.v3
        assert 0 < certificate.serial_number < 2**159
    key_id = _extension(ROOT, x509.SubjectKeyIdentifier).value
    named = _extension(LEAF, x509.AuthorityKeyIdentifier).value
    assert named.key_identifier == key_id.digest
    assert find_extension(LEAF, x509.SubjectKeyIdentifier) is not None


@pytest.mark.rows("XI-26")
def test_serial_numbers_are_unique() -> None:
    assert len({_leaf().serial_number for _ in range(2000)}) == 2000


def test_an_issuer_without_key_identifier_is_named_by_its_key() -> None:
    ca = TestCa()  # has none
    leaf = _leaf(issuer=ca.certificate, issuer_key=ca.key)
    named = _extension(leaf, x509.AuthorityKeyIdentifier).value
    public = ca.key.public_key()
    assert named == x509.AuthorityKeyIdentifier.from_issuer_public_key(public)


@pytest.mark.rows("XI-27")
def test_a_leaf_lives_within_the_life_of_its_issuer() -> None:
    leaf = _leaf(not_before=EPOCH - 99 * HOUR, not_after=EPOCH + 99 * HOUR)
    assert leaf.not_valid_before_utc == ROOT.not_valid_before_utc
    assert leaf.not_valid_after_utc == ROOT.not_valid_after_utc
    asked_for = _leaf(not_before=EPOCH, not_after=EPOCH + HOUR)
    assert asked_for.not_valid_before_utc == EPOCH
    assert asked_for.not_valid_after_utc == EPOCH + HOUR


@pytest.mark.parametrize(
    ("not_before", "not_after"),
    [
        (EPOCH + 24 * HOUR, EPOCH + 25 * HOUR),
        (EPOCH - 3 * HOUR, EPOCH - HOUR),
        (EPOCH, EPOCH),
        (EPOCH, EPOCH + timedelta(milliseconds=999)),
    ],
)
def test_a_leaf_outside_the_life_of_its_issuer_is_not_signed(
    not_before: datetime, not_after: datetime
) -> None:
    with pytest.raises(X509SvidError, match="the issuer is valid from 2025-12-31"):
        _leaf(not_before=not_before, not_after=not_after)


@pytest.mark.rows("SV-07", "SV-09", "XI-20")
def test_an_authority_signs_nobody_of_another_trust_domain() -> None:
    with pytest.raises(X509SvidError, match=r"of td.example does not sign spiffe://b.example/x"):
        _leaf(SpiffeId.parse("spiffe://b.example/x"))


@pytest.mark.parametrize(
    "uris",
    [[], ["spiffe://td.example/x"], ["spiffe://td.example"] * 2, ["td.example"], ["a:b"]],
)
def test_an_issuer_that_does_not_say_whom_it_speaks_for_signs_nobody(uris: list[str]) -> None:
    ca = TestCa(uris=uris)
    with pytest.raises(X509SvidError, match="its trust domain's ID as its one URI SAN"):
        _leaf(issuer=ca.certificate, issuer_key=ca.key)


def test_an_issuer_that_may_not_sign_is_refused() -> None:
    ca = TestCa(usage=["crl_sign"])
    with pytest.raises(X509SvidError, match="the issuer lacks cA or keyCertSign"):
        _leaf(issuer=ca.certificate, issuer_key=ca.key)


def test_a_key_that_is_not_the_issuers_is_refused() -> None:
    with pytest.raises(X509SvidError, match="the issuer's key does not fit its certificate"):
        _leaf(issuer_key=generate(KeyType.EC_P256))


def test_a_workload_key_of_an_unsupported_kind_is_refused() -> None:
    weak = rsa.generate_private_key(65537, 1024).public_key()
    with pytest.raises(X509SvidError, match="the workload's key is of an unsupported kind"):
        _leaf(public_key=weak)


def test_an_issuer_key_of_an_unsupported_kind_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    builder = x509.CertificateBuilder(
        ROOT.subject, ROOT.subject, key.public_key(), 1, EPOCH, EPOCH + HOUR, list(ROOT.extensions)
    )
    with pytest.raises(X509SvidError, match="the issuer's key is of an unsupported kind"):
        _leaf(issuer=builder.sign(key, None))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (generate(KeyType.EC_P384), SHA384),
        (generate(KeyType.RSA_2048), SHA256),
        (ec.generate_private_key(ec.SECP521R1()), SHA512),
    ],
    ids=["P-384", "RSA", "P-521"],
)
def test_the_hash_is_as_strong_as_the_key(key: PrivateKey, expected: type[object]) -> None:
    root = _root(key)
    leaf = _leaf(issuer=root, issuer_key=key)
    assert isinstance(root.signature_hash_algorithm, expected)
    assert isinstance(leaf.signature_hash_algorithm, expected)
    assert openssl.verifies([leaf], [root], EPOCH)


@pytest.mark.rows("XI-04", "XI-12", "XI-16", "XI-26")
@pytest.mark.parametrize("purpose", ["sslclient", "sslserver"])
@pytest.mark.parametrize("leaf", [LEAF, RSA_LEAF], ids=["EC", "RSA"])
def test_openssl_accepts_our_leaves_for_both_sides(leaf: x509.Certificate, purpose: str) -> None:
    assert openssl.verifies([leaf], [ROOT], EPOCH, purpose=purpose)
    assert not openssl.verifies([leaf], [_root(generate(KeyType.EC_P256))], EPOCH)


@pytest.mark.rows("ID-20")
def test_the_longest_id_fits_into_a_leaf() -> None:
    longest = SpiffeId.parse("spiffe://td.example/" + "a" * 2028)
    leaf = _leaf(longest)
    assert check_leaf(leaf) == longest
    assert str(longest) in openssl.text(leaf)
    assert openssl.verifies([leaf], [ROOT], EPOCH)
