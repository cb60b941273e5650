from __future__ import annotations

from datetime import timedelta

import pytest
from support.ca import TestCa
from support.clock import EPOCH

from accredit.identity.errors import JwtSvidError, NotEntitledError, X509SvidError
from accredit.identity.jwt_svid import sign_jwt_svid
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.workload_api import contexts, responses
from accredit.workload_api.proto import workload_pb2 as pb

CA = TestCa("prod.example")
PARTNER = TestCa("partner.example")


def received(*hints: str) -> contexts.X509Context:
    message = pb.X509SVIDResponse()
    for place, hint in enumerate(hints):
        svid = CA.svid(f"spiffe://prod.example/{place}")
        message.svids.add(
            spiffe_id=str(svid.spiffe_id),
            x509_svid=svid.chain_der,
            x509_svid_key=svid.key_der,
            bundle=CA.bundle().x509_der,
            hint=hint,
        )
    return responses.read_x509_context(message.SerializeToString())


def jwt_bundles(*authorities: TestCa) -> contexts.JwtBundles:
    named = {str(each.trust_domain.id): each.bundle().jwks for each in authorities}
    data = pb.JWTBundlesResponse(bundles=named).SerializeToString()
    return responses.read_jwt_bundles(data)


def token() -> str:
    return sign_jwt_svid(
        SpiffeId.parse("spiffe://prod.example/web"),
        ("db",),
        key=CA.jwt_key,
        kid=CA.jwt_authority.key_id,
        now=EPOCH,
        lifetime=timedelta(minutes=5),
    ).token


def test_the_default_identity_is_the_first() -> None:
    assert str(received("", "").default.spiffe_id) == "spiffe://prod.example/0"


@pytest.mark.rows("XS-11")
def test_of_equal_hints_the_first_counts() -> None:
    held = received("external", "internal", "internal")
    assert str(held.by_hint("internal").spiffe_id) == "spiffe://prod.example/1"


@pytest.mark.rows("WC-24")
def test_a_missing_hint_is_an_error_that_names_it() -> None:
    with pytest.raises(NotEntitledError, match=r"no X.509-SVID has the hint 'x'"):
        received("", "internal").by_hint("x")


@pytest.mark.rows("JS-08")
def test_of_tokens_with_equal_hints_the_first_counts() -> None:
    held = [
        contexts.HintedToken(SpiffeId.parse(f"spiffe://prod.example/{hint}{place}"), "t", hint)
        for place, hint in enumerate(("a", "b", "b"))
    ]
    assert contexts.token_by_hint(held, "b") is held[1]


@pytest.mark.rows("WC-24")
def test_a_missing_hint_of_a_token_is_an_error_that_names_it() -> None:
    with pytest.raises(NotEntitledError, match="no JWT-SVID has the hint 'x'"):
        contexts.token_by_hint([], "x")


@pytest.mark.rows("WC-18")
def test_a_peer_is_checked_against_its_own_trust_domain_only() -> None:
    held = received("").bundles
    chain = CA.svid("spiffe://prod.example/peer").chain
    assert str(held.verify(chain, EPOCH)) == "spiffe://prod.example/peer"
    with pytest.raises(X509SvidError, match=r"no X.509 authority of partner.example is known"):
        held.verify(PARTNER.svid("spiffe://partner.example/peer").chain, EPOCH)
    forged = CA.issue("spiffe://partner.example/peer").chain
    both = contexts.X509Bundles({**held.bundles, PARTNER.trust_domain: PARTNER.bundle()})
    with pytest.raises(X509SvidError):
        both.verify(forged, EPOCH)


@pytest.mark.rows("XS-14", "XB-05")
def test_x509_bundles_vouch_for_no_token() -> None:
    held = received("").bundles
    with pytest.raises(JwtSvidError, match="no JWT keys"):
        contexts.JwtBundles(held.bundles).validate(token(), "db", EPOCH)


@pytest.mark.rows("JB-07")
def test_jwt_bundles_vouch_for_no_certificate() -> None:
    held = jwt_bundles(CA)
    assert str(held.validate(token(), "db", EPOCH).spiffe_id) == "spiffe://prod.example/web"
    with pytest.raises(X509SvidError, match=r"no X.509 authority"):
        contexts.X509Bundles(held.bundles).verify(CA.svid("spiffe://prod.example/a").chain, EPOCH)


def test_a_token_stays_out_of_its_repr() -> None:
    held = contexts.HintedToken(TrustDomain("prod.example").id, "secret", "internal")
    assert repr(held) == "HintedToken(spiffe://prod.example, hint='internal')"
