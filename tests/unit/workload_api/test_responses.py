from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from support.ca import TestCa
from support.clock import EPOCH

from accredit.identity.errors import ResponseError, X509SvidError
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.workload_api import responses
from accredit.workload_api.proto import workload_pb2 as pb

CA = TestCa("prod.example")
PARTNER = TestCa("partner.example")
WEB = CA.svid("spiffe://prod.example/web")
PARTNER_ID = "spiffe://partner.example"


def svid(**changes: Any) -> pb.X509SVID:
    good = {
        "spiffe_id": "spiffe://prod.example/web",
        "x509_svid": WEB.chain_der,
        "x509_svid_key": WEB.key_der,
        "bundle": CA.bundle().x509_der,
        "hint": "internal",
    }
    return pb.X509SVID(**good | changes)


def context(*svids: pb.X509SVID, **fields: Any) -> bytes:
    return pb.X509SVIDResponse(svids=svids, **fields).SerializeToString()


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def test_a_context_holds_what_the_message_says() -> None:
    federated = {PARTNER_ID: PARTNER.bundle().x509_der}
    read = responses.read_x509_context(context(svid(), crl=[b"list"], federated_bundles=federated))
    assert read.default.leaf == WEB.leaf
    assert read.svids[0].hint == "internal"
    assert read.bundles.bundles[TrustDomain("prod.example")].x509_authorities == (CA.root,)
    assert read.bundles.bundles[TrustDomain("partner.example")].x509_authorities == (PARTNER.root,)
    assert read.bundles.crl == (b"list",)
    assert not any(bundle.crls for bundle in read.bundles.bundles.values())


def test_each_revocation_list_speaks_for_the_trust_domain_that_signed_it() -> None:
    revoked, partners = CA.crl(WEB.leaf.serial_number), PARTNER.crl()
    federated = {PARTNER_ID: PARTNER.bundle().x509_der}
    fields: dict[str, Any] = {"crl": [partners, revoked], "federated_bundles": federated}
    read = responses.read_x509_context(context(svid(), **fields)).bundles
    assert read.bundles[CA.trust_domain].crls == (revoked,)
    assert read.bundles[PARTNER.trust_domain].crls == (partners,)
    with pytest.raises(X509SvidError, match="its authority has revoked it"):
        read.verify(WEB.chain, EPOCH)
    other = CA.svid("spiffe://prod.example/web")
    assert read.verify(other.chain, EPOCH) == other.spiffe_id


@pytest.mark.rows("WC-13", "WC-15")
def test_what_a_message_lacks_is_not_held() -> None:
    read = responses.read_x509_context(context(svid(hint="")))
    assert list(read.bundles.bundles) == [TrustDomain("prod.example")]
    assert read.bundles.crl == ()
    assert read.svids[0].hint == ""


@pytest.mark.rows("WC-13")
def test_an_empty_federated_bundle_trusts_nobody() -> None:
    read = responses.read_x509_context(context(svid(), federated_bundles={PARTNER_ID: b""}))
    assert read.bundles.bundles[TrustDomain("partner.example")].x509_authorities == ()


@pytest.mark.rows("WC-17")
@pytest.mark.parametrize("field", ["spiffe_id", "x509_svid", "x509_svid_key", "bundle"])
def test_a_context_with_an_empty_mandatory_field_is_refused(field: str) -> None:
    changes = {field: "" if field == "spiffe_id" else b""}
    with pytest.raises(ResponseError, match=rf"svids\[1\]: {field} is empty"):
        responses.read_x509_context(context(svid(), svid(**changes)))


@pytest.mark.rows("WC-17")
@pytest.mark.parametrize(
    ("read", "field"),
    [
        (responses.read_x509_context, "svids"),
        (responses.read_x509_bundles, "bundles"),
        (responses.read_tokens, "svids"),
        (responses.read_jwt_bundles, "bundles"),
        (responses.read_claims, "spiffe_id"),
    ],
)
def test_an_empty_message_is_refused(read: Callable[[bytes], object], field: str) -> None:
    with pytest.raises(ResponseError, match=f"{field} is empty"):
        read(b"")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"spiffe_id": "prod.example/web"}, "is not a SPIFFE ID"),
        ({"spiffe_id": "spiffe://prod.example/other"}, "the leaf names"),
        ({"x509_svid": WEB.chain_pem}, "not a certificate in DER"),
        ({"x509_svid": WEB.chain_der[:-1]}, "not a certificate in DER"),
        ({"bundle": b"junk"}, "not a certificate in DER"),
        ({"x509_svid_key": CA.svid().key_der}, "the private key does not fit"),
    ],
)
def test_an_svid_that_cannot_be_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ResponseError, match=rf"svids\[0\]: .*{reason}"):
        responses.read_x509_context(context(svid(**changes)))


def test_a_key_in_another_format_is_refused_without_being_shown() -> None:
    sec1 = WEB.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    with pytest.raises(ResponseError, match="expected unencrypted PKCS #8") as refusal:
        responses.read_x509_context(context(svid(x509_svid_key=sec1)))
    assert refusal.value.__cause__ is None
    assert sec1.hex() not in str(refusal.value)


@pytest.mark.parametrize("name", ["partner.example", "spiffe://partner.example/", "spiffe://B/"])
def test_a_bundle_under_another_key_than_a_trust_domains_id_is_refused(name: str) -> None:
    bundles = {name: PARTNER.bundle().x509_der}
    data = pb.X509BundlesResponse(bundles=bundles).SerializeToString()
    with pytest.raises(ResponseError, match=r"bundles\['.*'\]: .*is not a SPIFFE ID"):
        responses.read_x509_bundles(data)


def test_a_bundle_under_a_workloads_id_is_refused() -> None:
    bundles = {f"{PARTNER_ID}/web": PARTNER.bundle().x509_der}
    with pytest.raises(ResponseError, match="is the ID of no trust domain: it has a path"):
        responses.read_x509_bundles(pb.X509BundlesResponse(bundles=bundles).SerializeToString())


def test_jwt_bundles_hold_the_keys_for_jwt_svids_only() -> None:
    key = json.loads(CA.bundle().jwks)["keys"][0]
    other = json.loads(PARTNER.bundle().jwks)["keys"][0]
    document = jwks(
        key,
        {**other, "kid": "x509", "use": "x509-svid"},
        {**other, "kid": "wit", "use": "wit-svid"},
        {**other, "kid": ""},
        {"kid": "future", "kty": "AKP"},
    )
    data = pb.JWTBundlesResponse(bundles={"spiffe://prod.example": document}).SerializeToString()
    held = responses.read_jwt_bundles(data).bundles[TrustDomain("prod.example")]
    assert held.jwt_authorities == (CA.jwt_authority,)
    assert held.x509_authorities == ()


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "JSON is not an object"),
        (b'{"keys": {}}', "a JWK Set needs a list of keys"),
        (b'{"keys": [], "keys": []}', "has a member twice"),
    ],
)
def test_a_jwt_bundle_that_is_no_jwk_set_is_refused(document: bytes, reason: str) -> None:
    data = pb.JWTBundlesResponse(bundles={PARTNER_ID: document}).SerializeToString()
    with pytest.raises(ResponseError, match=reason):
        responses.read_jwt_bundles(data)


def test_bundles_are_held_by_name_whatever_the_order_on_the_wire() -> None:
    names = [f"spiffe://{letter}.example" for letter in "abcdefghij"]
    bundles = dict.fromkeys(reversed(names), PARTNER.bundle().x509_der)
    read = responses.read_x509_bundles(pb.X509BundlesResponse(bundles=bundles).SerializeToString())
    assert [str(each.id) for each in read.bundles] == names


def test_tokens_are_read_in_their_order() -> None:
    message = pb.JWTSVIDResponse()
    message.svids.add(spiffe_id="spiffe://prod.example/web", svid="a.b.c", hint="x")
    message.svids.add(spiffe_id="spiffe://prod.example/api", svid="d.e.f")
    first, second = responses.read_tokens(message.SerializeToString())
    assert (first.token, first.hint) == ("a.b.c", "x")
    assert second.spiffe_id == SpiffeId.parse("spiffe://prod.example/api")


@pytest.mark.rows("WC-17")
@pytest.mark.parametrize("field", ["spiffe_id", "svid"])
def test_a_token_with_an_empty_mandatory_field_is_refused(field: str) -> None:
    message = pb.JWTSVIDResponse()
    message.svids.add(**{"spiffe_id": "spiffe://prod.example/web", "svid": "a.b.c", field: ""})
    with pytest.raises(ResponseError, match=rf"svids\[0\]: {field} is empty"):
        responses.read_tokens(message.SerializeToString())


def test_claims_come_back_as_plain_data() -> None:
    claims = struct_pb2.Struct()
    claims.update({"exp": 1767225600.0, "half": 0.5, "aud": ["a"], "o": {"n": None, "t": True}})
    data = pb.ValidateJWTSVIDResponse(spiffe_id="spiffe://prod.example/web", claims=claims)
    read = responses.read_claims(data.SerializeToString())
    assert read.claims == {
        "exp": 1767225600,
        "half": 0.5,
        "aud": ["a"],
        "o": {"n": None, "t": True},
    }
    assert isinstance(read.claims["exp"], int)


def test_an_answer_without_claims_is_refused() -> None:
    data = pb.ValidateJWTSVIDResponse(spiffe_id="spiffe://prod.example/web").SerializeToString()
    with pytest.raises(ResponseError, match="claims is empty"):
        responses.read_claims(data)


READERS = [
    responses.read_x509_context,
    responses.read_x509_bundles,
    responses.read_tokens,
    responses.read_jwt_bundles,
    responses.read_claims,
]


@given(st.binary(max_size=400))
def test_no_bytes_do_more_than_break_a_rule(data: bytes) -> None:
    for read in READERS:
        try:
            read(data)
        except ResponseError:
            continue


@given(st.data(), st.binary(max_size=8))
def test_no_damaged_message_does_more_than_break_a_rule(data: st.DataObject, junk: bytes) -> None:
    whole = context(svid(), federated_bundles={PARTNER_ID: PARTNER.bundle().x509_der})
    start = data.draw(st.integers(0, len(whole)))
    damaged = whole[:start] + junk + whole[start + len(junk) :]
    try:
        read = responses.read_x509_context(damaged)
    except ResponseError:
        return
    assert str(read.default.spiffe_id).startswith("spiffe://")
