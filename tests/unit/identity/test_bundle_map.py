"""Several bundles in one document, each of its own trust domain."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from support.ca import TestCa

from accredit.identity.bundle_map import encode_bundle_map, is_bundle_map, parse_bundle_map
from accredit.identity.errors import BundleError
from accredit.identity.spiffe_id import TrustDomain

_A = TestCa("a.example").bundle(sequence=1, refresh_hint=timedelta(minutes=5))
_B = TestCa("b.example").bundle(sequence=2**63 - 1)


@pytest.mark.rows("BM-03", "BM-05", "BM-08")
def test_a_map_names_each_trust_domain_once_with_sequence_and_without_hint() -> None:
    text = encode_bundle_map([_B, _A, _A])
    assert text.count(b'"a.example"') == 1
    domains = json.loads(text)["trust_domains"]
    assert list(domains) == ["a.example", "b.example"]
    assert [each["spiffe_sequence"] for each in domains.values()] == [1, 2**63 - 1]
    assert b"spiffe_refresh_hint" not in text


@pytest.mark.rows("BM-08", "BP-11")
def test_a_map_survives_its_document_and_pools_nothing() -> None:
    found = parse_bundle_map(encode_bundle_map([_A, _B]))
    assert {name: each.bundle.x509_authorities for name, each in found.items()} == {
        each.trust_domain: each.x509_authorities for each in (_A, _B)
    }
    assert found[_B.trust_domain].bundle == _B


@pytest.mark.rows("BM-01")
def test_a_map_of_nothing_is_one_and_one_without_its_member_is_none() -> None:
    assert parse_bundle_map(encode_bundle_map([])) == {}
    for text in (b"{}", b'{"trust_domains": null}', b'{"trust_domains": []}', b'{"keys": []}'):
        with pytest.raises(BundleError, match="trust_domains is missing, no object"):
            parse_bundle_map(text)


@pytest.mark.rows("BM-02", "BM-04", "BM-07")
@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        ('"spiffe://b.example": {"keys": []}', "'spiffe://b.example' is not the name"),
        ('"B.example": {"keys": []}', "'B.example' is not the name of a trust domain"),
        ('"b.example": {"keys": []}, "b.example": {"keys": []}', "has a member twice"),
        ('"b.example": []', "the bundle of b.example is no object"),
        ('"b.example": {}', "keys is missing"),
    ],
)
def test_one_bad_bundle_refuses_the_whole_map(inner: str, reason: str) -> None:
    text = f'{{"trust_domains": {{"a.example": {{"keys": []}}, {inner}}}}}'
    with pytest.raises(BundleError, match=reason):
        parse_bundle_map(text.encode())


def test_what_is_odd_is_told_of_the_bundle_it_is_in() -> None:
    found = parse_bundle_map(b'{"trust_domains": {"a.example": {"keys": [{}]}}}')
    assert found[TrustDomain("a.example")].warnings == (
        "keys[0] ignored: use is missing or unknown",
    )


def test_documents_without_a_bound_are_refused() -> None:
    with pytest.raises(BundleError, match="larger than"):
        parse_bundle_map(b" " * (5 << 20))
    many: dict[str, object] = {f"d{number}.example": {"keys": []} for number in range(1025)}
    with pytest.raises(BundleError, match="over 1024"):
        parse_bundle_map(json.dumps({"trust_domains": many}).encode())


@pytest.mark.parametrize("text", [b"", b"[]", b'{"keys": []}', b"-----BEGIN", b" " * (5 << 20)])
def test_other_documents_are_no_maps(text: bytes) -> None:
    assert not is_bundle_map(text)
