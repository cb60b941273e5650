from __future__ import annotations

import json
from datetime import timedelta

import jwt
import pytest
from support.ca import TestCa
from support.clock import FakeClock
from support.entries import entry
from support.fake_authority import FakeAuthority
from support.fake_workload import FakeWorkload
from support.signer import Signer

from accredit.agent.jwks import JwkSets
from accredit.identity.errors import NotFoundError, UnavailableError
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle
from accredit.rotation.identities import Identities

OWN, PARTNER, OTHER = (TrustDomain(f"{name}.example") for name in ("prod", "partner", "other"))
API = entry("/api", federates_with=("partner.example",))


class Bench:
    def __init__(self, *entries: object, anybody: bool = False) -> None:
        self.clock = FakeClock()
        self.authority = FakeAuthority(self.clock, *entries)  # type: ignore[arg-type]
        self.foreign = {td: Signer(td, self.clock.now()) for td in (PARTNER, OTHER)}
        for td, signer in self.foreign.items():
            self.authority.set_bundle(TrustBundle(td, (signer.root,), (signer.jwt_authority,)))
        identities = Identities(self.authority, self.clock)
        self.sets = JwkSets(identities, allow_unauthenticated_verifiers=anybody)
        self.workload = FakeWorkload()

    async def keys(self, name: str) -> set[str]:
        document = await self.sets.find(f"/{name}", self.workload)
        assert document.content_type == "application/json"
        found = json.loads(document.body)["keys"]
        assert all("x5c" not in key for key in found)
        return {key["kid"] for key in found}


async def test_each_trust_domain_has_its_own_keys_and_never_anothers() -> None:
    bench = Bench(API)
    assert await bench.keys("prod.example") == {bench.authority.signer.jwt_authority.key_id}
    assert await bench.keys("partner.example") == {bench.foreign[PARTNER].jwt_authority.key_id}


async def test_a_key_verifies_what_it_signed_for_a_jose_library() -> None:
    bench = Bench(API)
    token = bench.authority.signer.jwt(API, ["a"], bench.clock.now()).token
    document = await bench.sets.find("/prod.example", bench.workload)
    keys = jwt.PyJWKSet.from_json(document.body.decode())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    read = jwt.decode(
        token, key, ["ES256"], audience="a", options={"verify_exp": False, "verify_iat": False}
    )
    assert read["sub"] == str(API.spiffe_id)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/prod.example/", "is not the name of a trust domain"),
        ("/prod.example?x=1", "is not the name of a trust domain"),
        ("/%70rod.example", "is not the name of a trust domain"),
        ("//prod.example", "is not the name of a trust domain"),
        ("/PROD.example", "is not the name of a trust domain"),
        ("http://jwks/prod.example", "is not the name of a trust domain"),
        ("*", "is not the name of a trust domain"),
        ("/" + "x" * 5000, "is not the name of a trust domain"),
    ],
)
async def test_anything_else_is_not_found(target: str, reason: str) -> None:
    bench = Bench(API)
    with pytest.raises(NotFoundError, match=reason) as caught:
        await bench.sets.find(target, bench.workload)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", ["other.example", "unknown.example"])
async def test_a_trust_domain_that_an_entry_may_yet_federate_with_is_not_there_now(
    name: str,
) -> None:
    bench = Bench(API)
    with pytest.raises(UnavailableError, match=f"no entry of the caller federates with {name}"):
        await bench.sets.find(f"/{name}", bench.workload)


async def test_the_names_there_are_can_be_listed() -> None:
    bench = Bench(API)
    document = await bench.sets.find("/", bench.workload)
    assert document.body == b"prod.example\npartner.example\n"
    assert document.content_type.startswith("text/plain")


async def test_a_stranger_gets_nothing_unless_anybody_may_verify() -> None:
    for target in ("/", "/prod.example", "/other.example"):
        bench = Bench()
        with pytest.raises(UnavailableError, match="no registration entry matches the caller"):
            await bench.sets.find(target, bench.workload)
    anybody = Bench(anybody=True)
    assert await anybody.keys("prod.example")
    with pytest.raises(UnavailableError):
        await anybody.keys("partner.example")


async def test_a_new_key_and_a_federation_that_ends_show_at_once() -> None:
    bench = Bench(API)
    (old,) = await bench.keys("prod.example")
    bench.authority.rotate()
    assert await bench.keys("prod.example") == {old, bench.authority.signer.jwt_authority.key_id}
    bench.authority.set_entries(entry("/api"))
    with pytest.raises(UnavailableError):
        await bench.keys("partner.example")


async def test_one_document_is_made_once_for_everybody_and_tells_its_version() -> None:
    bench = Bench(API)
    first = await bench.sets.find("/prod.example", bench.workload)
    second = await bench.sets.find("/prod.example", FakeWorkload())
    assert first.body is second.body
    assert first.etag == second.etag
    bench.clock.advance(timedelta(hours=1))
    bench.authority.rotate()
    third = await bench.sets.find("/prod.example", bench.workload)
    assert third.etag != first.etag


async def test_a_trust_domain_without_jwt_keys_has_an_empty_set() -> None:
    bench = Bench(API)
    bench.authority.set_bundle(TrustBundle(PARTNER, (TestCa("partner.example").root,)))
    assert await bench.keys("partner.example") == set()
