from __future__ import annotations

from dataclasses import replace

import pytest
from support.ca import TestCa
from support.clock import EPOCH
from support.file_sets import GIVEN, bundles_only, material, token

from accredit.file_output.encode import encode, encode_bundle
from accredit.file_output.given import Given
from accredit.file_output.spec import FileSpec, Kind
from accredit.identity.errors import UnavailableError

CA = TestCa()
PARTNER = TestCa("partner.example")
BUNDLE = replace(CA.bundle(), crls=(CA.crl(7),))
MATERIAL = replace(
    material(CA, PARTNER, tokens={"db": token(CA, "db")}),
    bundles={CA.trust_domain: BUNDLE, PARTNER.trust_domain: PARTNER.bundle()},
)


def spec(kind: Kind) -> FileSpec:
    password = "" if kind not in {*STORES} else "/password"
    return FileSpec(kind, "file", audience="db" if kind is Kind.JWT else "", password_file=password)


STORES = (Kind.PKCS12, Kind.PKCS12_TRUST, Kind.JKS, Kind.JKS_TRUST)


@pytest.mark.parametrize("kind", [kind for kind in Kind if not kind.foreign])
def test_each_kind_has_an_encoding_and_the_same_meaning_twice(kind: Kind) -> None:
    first, second = (encode(spec(kind), MATERIAL, GIVEN, EPOCH) for _ in range(2))
    assert first.data
    assert first.identity == second.identity
    assert first.salted == (kind in STORES)
    assert first.salted or first.data == second.data


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.foreign])
def test_each_foreign_kind_has_an_encoding(kind: Kind) -> None:
    assert encode_bundle(kind, PARTNER.bundle()).data


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.needs_svid])
def test_what_holds_the_svid_waits_for_it(kind: Kind) -> None:
    with pytest.raises(UnavailableError, match=r"no X\.509-SVID just now"):
        encode(spec(kind), bundles_only(CA.bundle()), GIVEN, EPOCH)


@pytest.mark.parametrize("kind", [Kind.OWN_BUNDLE, Kind.BUNDLE_JSON, Kind.JWKS, *STORES[1::2]])
def test_what_holds_the_own_bundle_needs_no_svid(kind: Kind) -> None:
    assert encode(spec(kind), bundles_only(CA.bundle()), GIVEN, EPOCH).data


@pytest.mark.parametrize("kind", STORES)
def test_a_password_that_was_not_read_is_named(kind: Kind) -> None:
    with pytest.raises(UnavailableError, match="file: no password was read from /password"):
        encode(spec(kind), MATERIAL, Given(), EPOCH)


def test_a_keystore_may_do_without_a_password() -> None:
    assert encode(FileSpec(Kind.PKCS12, "file"), MATERIAL, Given(), EPOCH).data


def test_a_token_is_written_as_it_is() -> None:
    found = encode(spec(Kind.JWT), MATERIAL, GIVEN, EPOCH)
    assert found.data.decode() == MATERIAL.tokens["db"]
