from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from support.ca import TestCa
from support.entries import entry
from support.fake_workload import FakeWorkload
from support.token import Token, decode
from support.workload_api import WorkloadApiBench

from accredit.identity.errors import (
    AuthorityUnavailableError,
    JwtSvidError,
    NotEntitledError,
    RequestError,
)
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.rotation.delivery import Shape
from accredit.workload_api.proto import workload_pb2 as pb
from accredit.workload_api.responses import read_claims

PARTNER = TestCa("partner.example")
OWN_ID, PARTNER_ID = "spiffe://prod.example", "spiffe://partner.example"


async def tokens(bench: WorkloadApiBench, *audience: str, spiffe_id: str = "") -> list[pb.JWTSVID]:
    request = pb.JWTSVIDRequest(audience=audience, spiffe_id=spiffe_id)
    return list((await bench.ask("FetchJWTSVID", request)).svids)


async def validate(
    bench: WorkloadApiBench, svid: object, audience: str = "db", **how: Any
) -> dict[str, object]:
    request = pb.ValidateJWTSVIDRequest(audience=audience, svid=str(svid))
    answer = await bench.ask("ValidateJWTSVID", request, **how)
    return {**read_claims(answer.SerializeToString()).claims, "spiffe_id": answer.spiffe_id}


def claims_of(svid: pb.JWTSVID) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decode(svid.svid.split(".")[1]))
    return found


def federated_bench(**settings: Any) -> WorkloadApiBench:
    bench = WorkloadApiBench(entry("/web", federates_with=("partner.example",)), **settings)
    bench.authority.set_bundle(PARTNER.bundle())
    return bench


def partner_token(**claims: Any) -> Token:
    subject = {"sub": f"{PARTNER_ID}/api", "aud": ["db"]}
    kid = {"kid": PARTNER.jwt_authority.key_id}
    return Token(PARTNER.jwt_key, header=kid, claims={**subject, **claims})


@pytest.mark.rows("JS-02")
async def test_the_audiences_asked_for_are_the_tokens() -> None:
    (svid,) = await tokens(WorkloadApiBench(entry("/web")), "a", "b")
    assert set(claims_of(svid)["aud"]) == {"a", "b"}


@pytest.mark.rows("JS-03", "JS-06", "JS-14")
async def test_without_an_id_there_is_a_token_for_each_identity() -> None:
    svids = await tokens(WorkloadApiBench(entry("/a"), entry("/b")), "db")
    assert [svid.spiffe_id for svid in svids] == [f"{OWN_ID}/a", f"{OWN_ID}/b"]
    assert [claims_of(svid)["sub"] for svid in svids] == [svid.spiffe_id for svid in svids]


@pytest.mark.rows("JS-04")
async def test_with_an_id_there_is_that_ones_token_alone() -> None:
    (svid,) = await tokens(
        WorkloadApiBench(entry("/a"), entry("/b")), "db", spiffe_id=f"{OWN_ID}/b"
    )
    assert svid.spiffe_id == claims_of(svid)["sub"] == f"{OWN_ID}/b"


@pytest.mark.rows("JS-05", "JS-09")
@pytest.mark.parametrize("path", ["/somebody-elses", "/nobodys"])
async def test_an_id_of_somebody_else_is_refused_whether_it_exists_or_not(path: str) -> None:
    bench = WorkloadApiBench(entry("/web"), entry("/somebody-elses", "unix:uid:6666"))
    with pytest.raises(NotEntitledError, match="the caller is not entitled to"):
        await tokens(bench, "db", spiffe_id=OWN_ID + path)


@pytest.mark.rows("JS-07")
async def test_no_two_tokens_share_a_hint() -> None:
    bench = WorkloadApiBench(entry("/a", hint="x"), entry("/b", hint="x"), entry("/c", hint="y"))
    assert [svid.hint for svid in await tokens(bench, "db")] == ["x", "", "y"]


@pytest.mark.rows("JS-10")
async def test_the_call_is_unary() -> None:
    bench = WorkloadApiBench(entry("/web"))
    shapes = {method.name: method.shape for method in bench.service.methods}
    assert shapes["FetchJWTSVID"] is shapes["ValidateJWTSVID"] is Shape.UNARY
    stream = bench.call("FetchJWTSVID", pb.JWTSVIDRequest(audience=["db"]))
    await stream.run()
    assert (len(stream.seen), stream.error) == (1, None)


@pytest.mark.rows("JS-12")
async def test_a_token_is_valid_by_the_standards_rules() -> None:
    bench = WorkloadApiBench(entry("/web"))
    (svid,) = await tokens(bench, "db")
    found = validate_jwt_svid(svid.svid, ("db",), bench.authority.bundles, bench.clock.now())
    assert str(found.spiffe_id) == svid.spiffe_id


@pytest.mark.rows("JS-13")
async def test_while_nobody_can_sign_the_answer_is_to_try_again() -> None:
    bench = WorkloadApiBench(entry("/web"))
    bench.authority.down = True
    with pytest.raises(AuthorityUnavailableError, match="the fake authority is down"):
        await tokens(bench, "db")


async def test_a_token_is_signed_once_for_the_same_audiences() -> None:
    bench = WorkloadApiBench(entry("/web"))
    first, again = await tokens(bench, "a", "b"), await tokens(bench, "b", "a", "b")
    assert first == again
    assert first != await tokens(bench, "a")


async def test_audiences_that_make_too_long_a_token_are_the_requests_fault() -> None:
    bench = WorkloadApiBench(entry("/web"), max_audiences=100, max_audience_bytes=10_000)
    with pytest.raises(JwtSvidError, match="too many or too long audiences") as refusal:
        await tokens(bench, *(f"{place}" * 1000 for place in range(90)))
    assert refusal.value.status == "INVALID_ARGUMENT"


@pytest.mark.rows("JB-01", "JB-02", "JB-04")
async def test_jwt_bundles_are_jwk_sets_by_trust_domain_id() -> None:
    bundles = (await federated_bench().ask("FetchJWTBundles")).bundles
    assert set(bundles) == {OWN_ID, PARTNER_ID}
    for document in bundles.values():
        assert isinstance(json.loads(document)["keys"], list)


@pytest.mark.rows("VJ-04", "VJ-06", "VJ-12")
async def test_a_good_token_is_answered_with_its_claims() -> None:
    bench = WorkloadApiBench(entry("/web"))
    (svid,) = await tokens(bench, "db")
    found = await validate(bench, svid.svid)
    seconds = int(bench.clock.now().timestamp())
    assert found == {
        "spiffe_id": f"{OWN_ID}/web",
        "sub": f"{OWN_ID}/web",
        "aud": ["db"],
        "iat": seconds,
        "exp": seconds + 300,
    }


@pytest.mark.rows("VJ-12")
async def test_an_audience_given_as_a_string_comes_back_as_a_list() -> None:
    assert (await validate(federated_bench(), partner_token(aud="db")))["aud"] == ["db"]


@pytest.mark.rows("SV-10", "VJ-05")
async def test_claims_of_a_partners_token_are_withheld_unless_allowed() -> None:
    token = partner_token(role="admin", team="blue")
    assert set(await validate(federated_bench(), token)) == {"spiffe_id", "sub", "aud", "exp"}
    allowing = federated_bench(allowed_foreign_jwt_claims=frozenset({"team"}))
    assert (await validate(allowing, token))["team"] == "blue"
    assert "role" not in await validate(allowing, token)


@pytest.mark.rows("VJ-02", "VJ-03", "VJ-07", "VJ-08")
@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (partner_token(aud=["other", "db2"]), "aud does not name this audience"),
        (partner_token(exp=1), "the token has expired"),
        (partner_token(exp=None), "exp is missing"),
        (partner_token(sub=None), "sub is missing"),
        (partner_token(sub=f"{OWN_ID}/web"), "no key of the subject's trust domain fits"),
        (partner_token(sub="spiffe://unknown.example/a"), "no JWT keys of the subject's trust"),
        (partner_token().but(alg="none"), "alg"),
        (partner_token().but(key=TestCa("partner.example").jwt_key), "does not verify"),
        ("a.b.c", "."),
        ("x" * 100_000, "."),
    ],
)
async def test_a_bad_token_is_an_error_and_never_an_answer(token: object, reason: str) -> None:
    with pytest.raises(JwtSvidError, match=reason) as refusal:
        await validate(federated_bench(), token)
    assert refusal.value.status == "INVALID_ARGUMENT"
    assert str(token) not in str(refusal.value)


@pytest.mark.rows("VJ-07")
async def test_a_partner_is_trusted_by_those_who_federate_with_it_only() -> None:
    bench = federated_bench()
    bench.authority.set_entries(entry("/web"))
    with pytest.raises(JwtSvidError, match="no JWT keys of the subject's trust domain"):
        await validate(bench, partner_token())


@pytest.mark.rows("VJ-11")
async def test_a_verifier_without_identity_may_check_own_tokens_where_that_is_allowed() -> None:
    bench = federated_bench(allow_unauthenticated_verifiers=True)
    stranger = FakeWorkload("unix:uid:6666")
    (svid,) = await tokens(bench, "db")
    assert (await validate(bench, svid.svid, workload=stranger))["sub"] == f"{OWN_ID}/web"
    with pytest.raises(JwtSvidError, match="no JWT keys"):
        await validate(bench, partner_token(), workload=stranger)
    with pytest.raises(NotEntitledError):
        await bench.ask("FetchJWTSVID", pb.JWTSVIDRequest(audience=["db"]), workload=stranger)


async def test_tokens_are_validated_while_nobody_can_sign() -> None:
    bench = WorkloadApiBench(entry("/web"))
    (svid,) = await tokens(bench, "db")
    bench.authority.down = True
    assert (await validate(bench, svid.svid))["sub"] == f"{OWN_ID}/web"


async def test_a_token_expires_by_the_agents_clock() -> None:
    bench = WorkloadApiBench(entry("/web"))
    (svid,) = await tokens(bench, "db")
    bench.clock.advance(timedelta(minutes=5))
    with pytest.raises(JwtSvidError, match="the token has expired"):
        await validate(bench, svid.svid)


async def test_more_audiences_than_allowed_are_refused() -> None:
    with pytest.raises(RequestError, match="33 audiences are more than 32"):
        await tokens(WorkloadApiBench(entry("/web")), *map(str, range(33)))
