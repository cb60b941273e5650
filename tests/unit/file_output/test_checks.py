from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.ca import TestCa
from support.clock import EPOCH
from support.file_sets import bundles_only, material, token

from accredit.file_output.checks import check_bundles, checked_svid, checked_token, own_bundle
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import (
    BundleError,
    JwtSvidError,
    UnavailableError,
    X509SvidError,
)
from accredit.identity.keys import KeyType, generate
from accredit.identity.x509_svid import X509Svid

CA = TestCa()
SAME_NAME = TestCa()
PARTNER = TestCa("partner.example")
LATER = EPOCH + timedelta(hours=2)


def test_a_good_svid_passes_also_under_an_intermediate() -> None:
    assert checked_svid(material(CA), EPOCH).spiffe_id.path == "/a"
    below = replace(material(CA), svid=CA.intermediate().svid())
    assert len(checked_svid(below, EPOCH).chain) == 2


def test_no_svid_is_told_as_not_now() -> None:
    with pytest.raises(UnavailableError, match=r"no X\.509-SVID just now"):
        checked_svid(bundles_only(CA.bundle()), EPOCH)


@pytest.mark.parametrize("now", [LATER, EPOCH - timedelta(hours=2)])
def test_an_svid_that_is_not_valid_now_is_refused(now: object) -> None:
    assert isinstance(now, type(EPOCH))
    with pytest.raises(X509SvidError, match="not valid at validation time"):
        checked_svid(material(CA), now)


def test_an_svid_that_leads_to_another_root_is_refused() -> None:
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        checked_svid(replace(material(CA), svid=SAME_NAME.svid()), EPOCH)


def test_an_svid_without_its_intermediate_is_refused() -> None:
    svid = CA.intermediate().svid()
    short = X509Svid(svid.spiffe_id, svid.chain[:1], svid.key)
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        checked_svid(replace(material(CA), svid=short), EPOCH)


def test_an_svid_of_a_federated_domain_is_refused_although_its_bundle_is_here() -> None:
    stranger = PARTNER.svid("spiffe://partner.example/a")
    with pytest.raises(X509SvidError, match=r"partner\.example/a is not of td\.example"):
        checked_svid(replace(material(CA, PARTNER), svid=stranger), EPOCH)


def test_a_key_that_does_not_fit_is_refused() -> None:
    svid = CA.svid()
    object.__setattr__(svid, "key", generate(KeyType.EC_P256))
    with pytest.raises(X509SvidError, match="does not fit"):
        checked_svid(replace(material(CA), svid=svid), EPOCH)


def test_an_own_bundle_without_authorities_is_refused() -> None:
    empty = {CA.trust_domain: TrustBundle(CA.trust_domain)}
    with pytest.raises(X509SvidError, match=r"no X\.509 authority of td\.example"):
        checked_svid(replace(material(CA), bundles=empty), EPOCH)


def test_an_own_bundle_that_is_not_there_is_told_as_not_now() -> None:
    with pytest.raises(UnavailableError, match=r"the bundle of td\.example is not there yet"):
        own_bundle(replace(material(CA), bundles={}))


def test_a_bundle_kept_under_another_name_is_refused() -> None:
    check_bundles(material(CA, PARTNER))
    mixed = {CA.trust_domain: PARTNER.bundle()}
    with pytest.raises(BundleError, match=r"bundle of td\.example is that of partner\.example"):
        check_bundles(replace(material(CA), bundles=mixed))


def test_a_good_token_passes() -> None:
    good = token(CA, "db")
    assert checked_token(material(CA, tokens={"db": good}), "db", EPOCH) == good


def test_a_missing_token_is_told_with_its_audience() -> None:
    with pytest.raises(UnavailableError, match="no JWT-SVID for audience 'db'"):
        checked_token(material(CA, tokens={"web": token(CA, "web")}), "db", EPOCH)


@pytest.mark.parametrize("wrong", ["expired", "audience", "signer"])
def test_a_token_that_its_receiver_would_refuse_is_refused(wrong: str) -> None:
    bad = {
        "expired": token(CA, "db", now=EPOCH - timedelta(hours=1)),
        "audience": token(CA, "web"),
        "signer": token(SAME_NAME, "db"),
    }[wrong]
    with pytest.raises(JwtSvidError) as caught:
        checked_token(material(CA, tokens={"db": bad}), "db", EPOCH)
    assert bad not in str(caught.value)
