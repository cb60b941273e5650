from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from support.ca import TestCa
from support.clock import EPOCH
from support.entries import entry
from support.token import Token

from accredit.identity.jwt_svid import JwtSvid
from accredit.identity.trust_bundle import TrustBundle
from accredit.identity.x509_verify import split_der, verify_x509_svid
from accredit.rotation.identities import JwtIdentity
from accredit.rotation.snapshot import Identity, Snapshot
from accredit.workload_api import messages
from accredit.workload_api.proto import workload_pb2 as pb

CA = TestCa("prod.example")
PARTNER = TestCa("partner.example")


def snapshot(*identities: Identity, bundles: tuple[TrustBundle, ...] = (CA.bundle(),)) -> Snapshot:
    named = {bundle.trust_domain: bundle for bundle in bundles}
    return Snapshot(CA.trust_domain, identities, (), named)


def identity(path: str, hint: str = "") -> Identity:
    return Identity(entry(path), CA.svid(f"spiffe://prod.example{path}"), hint)


def test_the_bytes_are_made_once_for_all_streams() -> None:
    state = snapshot(identity("/web"))
    for render in (messages.x509_svids, messages.x509_bundles, messages.jwt_bundles):
        assert render(state) is render(state)


def test_equal_states_have_equal_bytes() -> None:
    web = identity("/web")
    bundles = (CA.bundle(), PARTNER.bundle())
    one, other = snapshot(web, bundles=bundles), snapshot(web, bundles=bundles[::-1])
    assert messages.x509_svids(one) == messages.x509_svids(other)
    assert messages.x509_bundles(one) == messages.x509_bundles(other)
    assert messages.jwt_bundles(one) == messages.jwt_bundles(other)


@pytest.mark.rows("WC-21", "XS-02", "WC-23")
def test_svids_keep_the_snapshots_order_and_hints() -> None:
    state = snapshot(identity("/b", "für Gäste / extern"), identity("/a"))
    message = pb.X509SVIDResponse.FromString(messages.x509_svids(state))
    found = [(each.spiffe_id, each.hint) for each in message.svids]
    assert found == [
        ("spiffe://prod.example/b", "für Gäste / extern"),
        ("spiffe://prod.example/a", ""),
    ]


@pytest.mark.rows("XS-17")
def test_federated_bundles_are_keyed_by_trust_domain_and_do_not_repeat_the_own_one() -> None:
    state = snapshot(identity("/web"), bundles=(CA.bundle(), PARTNER.bundle()))
    message = pb.X509SVIDResponse.FromString(messages.x509_svids(state))
    assert dict(message.federated_bundles) == {
        "spiffe://partner.example": PARTNER.bundle().x509_der
    }


@pytest.mark.rows("XS-18", "XB-08")
def test_there_are_no_revocation_lists() -> None:
    state = snapshot(identity("/web"))
    assert not pb.X509SVIDResponse.FromString(messages.x509_svids(state)).crl
    assert not pb.X509BundlesResponse.FromString(messages.x509_bundles(state)).crl


@pytest.mark.rows("XS-18", "XB-08")
def test_or_they_are_those_of_the_own_trust_domain_each_in_der() -> None:
    lists = (CA.crl(7), CA.crl())
    own = replace(CA.bundle(), crls=lists)
    partners = replace(PARTNER.bundle(), crls=(PARTNER.crl(),))
    state = snapshot(identity("/web"), bundles=(own, partners))
    assert tuple(pb.X509SVIDResponse.FromString(messages.x509_svids(state)).crl) == lists
    assert tuple(pb.X509BundlesResponse.FromString(messages.x509_bundles(state)).crl) == lists


@pytest.mark.rows("JB-03", "JB-11")
def test_jwt_bundles_hold_jwt_keys_only_each_with_its_id() -> None:
    message = pb.JWTBundlesResponse.FromString(messages.jwt_bundles(snapshot()))
    keys = json.loads(message.bundles["spiffe://prod.example"])["keys"]
    assert [key["kid"] for key in keys] == [CA.jwt_authority.key_id]
    assert not any("x5c" in key or "use" in key for key in keys)


def test_a_partner_without_authorities_of_a_kind_is_left_out_of_that_kinds_map() -> None:
    x509_only = TrustBundle(PARTNER.trust_domain, (PARTNER.root,))
    jwt_only = TrustBundle(PARTNER.trust_domain, (), (PARTNER.jwt_authority,))
    for bundle, in_x509, in_jwt in ((x509_only, True, False), (jwt_only, False, True)):
        state = snapshot(bundles=(CA.bundle(), bundle))
        x509 = pb.X509BundlesResponse.FromString(messages.x509_bundles(state)).bundles
        jwt = pb.JWTBundlesResponse.FromString(messages.jwt_bundles(state)).bundles
        assert ("spiffe://partner.example" in x509) is in_x509
        assert ("spiffe://partner.example" in jwt) is in_jwt


def test_tokens_come_with_their_ids_and_hints() -> None:
    web = entry("/web")
    token = str(Token(CA.jwt_key))
    svid = JwtSvid(token, web.spiffe_id, ("db",), EPOCH, EPOCH + timedelta(minutes=5))
    data = messages.jwt_svids([JwtIdentity(web, svid, "internal")])
    (sent,) = pb.JWTSVIDResponse.FromString(data).svids
    assert (sent.spiffe_id, sent.svid, sent.hint) == (str(web.spiffe_id), token, "internal")


@pytest.mark.rows("XS-04", "XS-05")
def test_intermediates_follow_the_leaf_in_der() -> None:
    below = CA.intermediate()
    svid = below.svid("spiffe://prod.example/web")
    state = snapshot(Identity(entry("/web"), svid, ""))
    (sent,) = pb.X509SVIDResponse.FromString(messages.x509_svids(state)).svids
    assert split_der(sent.x509_svid) == (svid.leaf, below.certificate)
    assert b"-----BEGIN" not in sent.x509_svid + sent.bundle + sent.x509_svid_key
    bundle = TrustBundle(CA.trust_domain, split_der(sent.bundle))
    named = verify_x509_svid(split_der(sent.x509_svid), {CA.trust_domain: bundle}, EPOCH)
    assert str(named) == sent.spiffe_id
