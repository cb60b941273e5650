"""What a document is read as."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.bundle_document import J1, J2, ONE, TD, TWO, X1, X2, parsed_keys

from accredit.identity.bundle import ParsedBundle, TrustBundle, parse_bundle
from accredit.identity.errors import BundleError


@pytest.mark.rows("BP-01")
@pytest.mark.parametrize("document", ["{}", '{"keys": null}', '{"keys": {}}', '{"keys": "x"}'])
def test_a_document_without_an_array_of_keys_is_refused(document: str) -> None:
    with pytest.raises(BundleError, match="keys is missing or not an array") as caught:
        parse_bundle(TD, document.encode())
    assert caught.value.rule == "Trust Domain and Bundle 4.1.3"


@pytest.mark.rows("BP-02")
def test_nothing_but_keys_is_required_and_unknown_members_do_no_harm() -> None:
    assert parsed_keys() == ParsedBundle(TrustBundle(TD), ())
    assert parsed_keys(X1, new={"deep": [1]}) == ParsedBundle(TrustBundle(TD, (ONE.root,)), ())


@pytest.mark.rows("BP-07")
def test_the_authorities_are_the_union_over_all_entries() -> None:
    parsed = parsed_keys(X1, X2, X1, J1, J2, J1)
    assert parsed.bundle.x509_authorities == (ONE.root, TWO.root)
    assert parsed.bundle.jwt_authorities == (ONE.jwt_authority, TWO.jwt_authority)
    assert parsed.warnings == ()


@pytest.mark.rows("BP-08", "BP-10")
def test_keys_are_separated_by_kind() -> None:
    assert parsed_keys(X1).bundle == TrustBundle(TD, (ONE.root,))
    assert parsed_keys(J1).bundle == TrustBundle(TD, (), (ONE.jwt_authority,))


@pytest.mark.rows("BP-10")
def test_wit_keys_are_known_and_not_used() -> None:
    assert parsed_keys({**J1, "use": "wit-svid"}) == ParsedBundle(TrustBundle(TD), ())


@pytest.mark.rows("BP-09")
def test_a_document_without_usable_keys_is_an_empty_bundle_and_no_error() -> None:
    assert parsed_keys({**X1, "use": "sig"}).bundle == TrustBundle(TD)


@pytest.mark.rows("BP-13")
@pytest.mark.parametrize("value", ["5", 5.5, 5.0, True, -1, [5], {}])
@pytest.mark.parametrize("name", ["spiffe_sequence", "spiffe_refresh_hint"])
def test_a_sequence_or_hint_that_is_no_whole_number_counts_as_absent(
    name: str, value: object
) -> None:
    parsed = parsed_keys(X1, **{name: value})
    assert parsed.bundle == TrustBundle(TD, (ONE.root,))
    assert parsed.warnings == (f"{name} ignored: not a whole number >= 0",)


def test_a_hint_that_no_calendar_holds_is_cut() -> None:
    hint = parsed_keys(spiffe_refresh_hint=10**30).bundle.refresh_hint
    assert hint == timedelta(seconds=10**9)


@pytest.mark.rows("BP-17")
@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "JSON is not an object"),
        (b'{"keys": []', "not JSON"),
        (b'{"keys": ["\xff"]}', "JSON is not UTF-8"),
        (b'\xef\xbb\xbf{"keys": []}', "not JSON"),
        ('{"keys": []}'.encode("utf-16"), "JSON is not UTF-8"),
        (b'{"keys": [], "keys": []}', "a member twice"),
        (b'{"keys": [], "spiffe_sequence": NaN}', "NaN is not JSON"),
        (b'{"keys": [' + b"[" * 5000, "nested deeper than 32"),
        (b'{"keys": [], "a": ' + b"[" * 40 + b"]" * 40 + b"}", "nested deeper than 32"),
    ],
)
def test_anything_but_utf8_json_with_one_meaning_is_refused(document: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=reason) as caught:
        parse_bundle(TD, document)
    assert caught.value.rule == "RFC 7517 5"


def test_a_document_without_end_is_refused() -> None:
    with pytest.raises(BundleError, match="larger than 4194304 bytes"):
        parse_bundle(TD, b" " * (4 * 1024 * 1024 + 1))
    with pytest.raises(BundleError, match="more than 1024 keys"):
        parsed_keys(*[{}] * 1025)
    assert len(parsed_keys(*[{}] * 1024).warnings) == 1024
