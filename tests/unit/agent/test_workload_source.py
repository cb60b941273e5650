from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from support.ca import TestCa
from support.clock import FakeClock
from support.eventually import eventually
from support.fake_endpoint import FakeEndpoint, Script
from support.file_sets import token

from accredit.agent.client import WorkloadApiClient
from accredit.agent.output_plan import Wanted
from accredit.agent.workload_feed import WorkloadFeed
from accredit.agent.workload_source import WorkloadSource
from accredit.file_output.material import Material
from accredit.file_output.spec import FileSpec, Kind
from accredit.identity.bundle import TrustBundle
from accredit.identity.spiffe_id import TrustDomain
from accredit.workload_api.contexts import HintedSvid, JwtBundles, X509Bundles, X509Context
from accredit.workload_api.endpoint import parse_endpoint
from accredit.workload_api.held import Held
from accredit.workload_api.proto import workload_pb2 as pb

CA, PARTNER = TestCa(), TestCa("partner.example")
OWN, FOREIGN = TrustDomain("td.example"), TrustDomain("partner.example")
PEM = (FileSpec(Kind.CERTIFICATE, "a"), FileSpec(Kind.OWN_BUNDLE, "b"))
JSON = (*PEM, FileSpec(Kind.BUNDLE_JSON, "c"))
TOKEN = (FileSpec(Kind.JWT, "t", audience="db"),)


def context(name: str = "a") -> Held[X509Context]:
    bundles = {OWN: x509_only(CA), FOREIGN: x509_only(PARTNER)}
    svid = CA.svid(f"spiffe://td.example/{name}")
    return Held(X509Context((HintedSvid(svid, ""),), X509Bundles(bundles)))


def x509_only(ca: TestCa) -> TrustBundle:
    return replace(ca.bundle(), jwt_authorities=())


def keys() -> Held[JwtBundles]:
    return Held(JwtBundles({OWN: CA.bundle()}))


class Bench:
    """A source whose feed a test fills; tokens come from a scripted endpoint."""

    def __init__(self, folder: Path, specs: tuple[FileSpec, ...], *scripts: Script) -> None:
        self.endpoint = FakeEndpoint(folder / "api.sock", *(scripts or (Script(),)))
        self.clock = FakeClock()
        client = WorkloadApiClient(parse_endpoint(self.endpoint.address), self.clock)
        self.feed = WorkloadFeed(client)
        self.source = WorkloadSource(self.feed, Wanted(), specs, self.clock)
        self.seen: list[Material] = []

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        async with self.endpoint.serving(), asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follow())
            tokens = tasks.create_task(self.source.run())
            yield
            following.cancel()
            tokens.cancel()

    async def _follow(self) -> None:
        async with aclosing(self.source.watch()) as states:
            async for material in states:
                self.seen.append(material)

    async def show(
        self, x509: Held[X509Context] | None = None, jwt: Held[JwtBundles] | None = None
    ) -> None:
        self.feed.x509, self.feed.jwt = x509 or self.feed.x509, jwt or self.feed.jwt
        self.feed.wake()
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("specs", "x509", "jwt"),
    [
        (PEM, True, False),
        (JSON, True, True),
        (TOKEN, False, True),
        ((*TOKEN, *PEM), True, True),
        ((FileSpec(Kind.JWKS, "k"),), True, True),
    ],
)
def test_only_the_profiles_that_the_files_need_are_asked_for(
    tmp_path: Path, specs: tuple[FileSpec, ...], x509: bool, jwt: bool
) -> None:
    source = Bench(tmp_path, specs).source
    assert (source.needs_x509, source.needs_jwt) == (x509, jwt)


async def test_nothing_comes_until_all_parts_are_there(tmp_path: Path) -> None:
    bench = Bench(tmp_path, JSON)
    async with bench.watched():
        await bench.show(context())
        assert bench.seen == []
        assert bench.source.problem == "the Workload API has not answered yet"
        await bench.show(jwt=keys())
        assert len(bench.seen) == 1
        assert bench.source.problem == ""


async def test_bundles_are_one_for_each_trust_domain_with_both_kinds_of_key(tmp_path: Path) -> None:
    bench = Bench(tmp_path, JSON)
    async with bench.watched():
        await bench.show(context(), keys())
    (material,) = bench.seen
    assert material.own == OWN
    assert material.bundles[OWN].x509_authorities == CA.bundle().x509_authorities
    assert material.bundles[OWN].jwt_authorities == CA.bundle().jwt_authorities
    assert material.bundles[FOREIGN].x509_authorities == PARTNER.bundle().x509_authorities
    assert material.bundles[FOREIGN].jwt_authorities == ()


async def test_what_is_held_stays_through_a_problem_which_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, PEM)
    told: list[str] = []
    bench.source.changed = lambda: told.append(bench.source.problem)
    async with bench.watched():
        held = context()
        await bench.show(held)
        await bench.show(Held(held.material, "gone"))
        assert len(bench.seen) == 1
        await bench.show(Held(None, "withdrawn"))
        assert len(bench.seen) == 1
        await bench.show(context("b"))
        assert len(bench.seen) == 2
    assert told == ["", "gone", "withdrawn", ""]


async def test_one_of_several_identities_that_is_withdrawn_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path, PEM)
    bench.source = WorkloadSource(bench.feed, Wanted("/b"), PEM, bench.clock)
    async with bench.watched():
        await bench.show(context("a"))
        await bench.show(context("b"))
        for _ in range(2):
            await bench.show(context("a"))
    told = [(record.levelname, record.message) for record in caplog.records]
    assert told == [
        ("WARNING", "an identity is waited for"),
        ("ERROR", "withdrawn; files that are there stay until they expire"),
    ]
    assert "no identity of this process is /b" in vars(caplog.records[1])["reason"]


async def test_an_identity_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    bench = Bench(tmp_path, PEM)
    bench.source = WorkloadSource(bench.feed, Wanted("/b"), PEM, bench.clock)
    async with bench.watched():
        await bench.show(context("a"))
        assert "no identity of this process is /b" in bench.source.problem
        await bench.show(context("b"))
        assert str(bench.seen[0].svid and bench.seen[0].svid.spiffe_id).endswith("/b")


async def test_tokens_alone_say_which_trust_domain_is_the_own_one(tmp_path: Path) -> None:
    text = token(CA, "db")
    answer = pb.JWTSVIDResponse()
    answer.svids.add(spiffe_id="spiffe://td.example/a", svid=text)
    bench = Bench(tmp_path, TOKEN, Script((answer.SerializeToString(),), grpc.StatusCode.OK))
    async with bench.watched():
        await bench.show(jwt=keys())
        await eventually(lambda: bool(bench.seen))
    (material,) = bench.seen
    assert (material.svid, material.own, material.tokens) == (None, OWN, {"db": text})
    assert text not in repr(material)


async def test_tokens_are_asked_for_at_once_when_an_identity_has_come(tmp_path: Path) -> None:
    answer = pb.JWTSVIDResponse()
    answer.svids.add(spiffe_id="spiffe://td.example/a", svid=token(CA, "db"))
    granted = Script((answer.SerializeToString(),), grpc.StatusCode.OK)
    denied = Script((), grpc.StatusCode.PERMISSION_DENIED)
    bench = Bench(tmp_path, (*PEM, *TOKEN), denied, granted)
    async with bench.watched():
        await eventually(lambda: bench.clock.next_wake is not None)
        await bench.show(context(), keys())
        # The clock stands still, so that no wait ends by itself.
        await eventually(lambda: bool(bench.seen))
    assert "db" in bench.seen[0].tokens
