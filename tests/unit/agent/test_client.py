from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.ca import TestCa
from support.clock import FakeClock
from support.fake_endpoint import FakeEndpoint, Script

from accredit.agent.client import X509_BUNDLES, X509_CONTEXT, WorkloadApiClient
from accredit.identity.errors import (
    AccreditError,
    NotEntitledError,
    RequestError,
    ResponseError,
    UnavailableError,
    UnimplementedError,
)
from accredit.identity.spiffe_id import SpiffeId
from accredit.rotation.schedule import Backoff
from accredit.workload_api.contexts import X509Context
from accredit.workload_api.endpoint import parse_endpoint
from accredit.workload_api.held import Held
from accredit.workload_api.proto import workload_pb2 as pb

Code = grpc.StatusCode
CA, PARTNER = TestCa("prod.example"), TestCa("partner.example")
MINUTE = timedelta(minutes=1)


def context(*paths: str, federated: bool = False) -> bytes:
    message = pb.X509SVIDResponse()
    for path in paths:
        svid = CA.svid(f"spiffe://prod.example{path}")
        message.svids.add(
            spiffe_id=str(svid.spiffe_id),
            x509_svid=svid.chain_der,
            x509_svid_key=svid.key_der,
            bundle=CA.bundle().x509_der,
        )
    if federated:
        message.federated_bundles["spiffe://partner.example"] = PARTNER.bundle().x509_der
    return message.SerializeToString()


WEB, BOTH = context("/web", federated=True), context("/web", "/api")


class Bench:
    """A client of a scripted endpoint; its clock jumps to whatever it waits for."""

    def __init__(self, folder: Path, *scripts: Script, **settings: Any) -> None:
        self.endpoint = FakeEndpoint(folder / "api.sock", *scripts)
        self.clock = FakeClock(jumps=True)
        address = parse_endpoint(self.endpoint.address)
        self.client = WorkloadApiClient(address, self.clock, jitter=lambda: 0.0, **settings)

    async def watch(self, events: int, lasting: timedelta = MINUTE) -> list[Held[X509Context]]:
        """Return what is held after each event; each is followed by a wait of ``lasting``."""
        seen: list[Held[X509Context]] = []
        async with self.endpoint.serving(), aclosing(self.client.watch(X509_CONTEXT)) as states:
            async for held in states:
                seen.append(held)
                self.clock.advance(lasting)
                if len(seen) == events:
                    return seen
        raise AssertionError("watching has ended")

    @property
    def waits(self) -> list[float]:
        return [wait.total_seconds() for wait in self.clock.waits]


def paths(held: Held[X509Context]) -> list[str] | None:
    if held.material is None:
        return None
    return [each.svid.spiffe_id.path for each in held.material.svids]


async def test_fetching_returns_the_first_message(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script((WEB, BOTH)))
    async with bench.endpoint.serving():
        assert str((await bench.client.fetch(X509_CONTEXT)).default.spiffe_id).endswith("/web")


@pytest.mark.rows("WE-31")
async def test_the_client_calls_the_method_it_needs_and_nothing_else(tmp_path: Path) -> None:
    bundle = {"spiffe://prod.example": CA.bundle().x509_der}
    answer = pb.X509BundlesResponse(bundles=bundle).SerializeToString()
    bench = Bench(tmp_path, Script((answer,)))
    async with bench.endpoint.serving():
        await bench.client.fetch(X509_BUNDLES)
    assert [call.method for call in bench.endpoint.seen] == ["/SpiffeWorkloadAPI/FetchX509Bundles"]


async def test_fetching_waits_for_an_answer_so_long_and_no_longer(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script(), timeout=timedelta(milliseconds=50))
    async with bench.endpoint.serving():
        with pytest.raises(UnavailableError, match=r"FetchX509SVID at .*: no answer within 0.05 s"):
            await bench.client.fetch(X509_CONTEXT)
        with pytest.raises(UnavailableError, match=r"FetchJWTSVID at .*: no answer within 0.05 s"):
            await bench.client.tokens(["db"])


@pytest.mark.rows("WE-19")
async def test_tokens_are_asked_for_by_audience_and_id_and_with_no_credential(
    tmp_path: Path,
) -> None:
    answer = pb.JWTSVIDResponse()
    answer.svids.add(spiffe_id="spiffe://prod.example/web", svid="a.b.c", hint="internal")
    bench = Bench(tmp_path, Script((answer.SerializeToString(),), Code.OK))
    async with bench.endpoint.serving():
        (token,) = await bench.client.tokens(["a", "b"])
        await bench.client.tokens(["a"], SpiffeId.parse("spiffe://prod.example/web"))
    assert (token.token, token.hint) == ("a.b.c", "internal")
    asked = [pb.JWTSVIDRequest.FromString(call.request) for call in bench.endpoint.seen]
    assert [(list(each.audience), each.spiffe_id) for each in asked] == [
        (["a", "b"], ""),
        (["a"], "spiffe://prod.example/web"),
    ]
    assert all("authorization" not in call.metadata for call in bench.endpoint.seen)


@pytest.mark.rows("VJ-09")
async def test_a_token_is_validated_by_the_endpoint(tmp_path: Path) -> None:
    answer = pb.ValidateJWTSVIDResponse(spiffe_id="spiffe://prod.example/web")
    answer.claims.update({"sub": "spiffe://prod.example/web", "aud": ["db"], "exp": 5})
    bench = Bench(tmp_path, Script((answer.SerializeToString(),), Code.OK))
    async with bench.endpoint.serving():
        found = await bench.client.validate("a.b.c", "db")
    assert found.claims["aud"] == ["db"]
    (call,) = bench.endpoint.seen
    assert pb.ValidateJWTSVIDRequest.FromString(call.request).svid == "a.b.c"


@pytest.mark.rows("WE-09", "WE-26")
@pytest.mark.parametrize(
    ("code", "kind"),
    [(Code.INVALID_ARGUMENT, RequestError), (Code.UNIMPLEMENTED, UnimplementedError)],
)
async def test_a_final_answer_is_reported_and_not_asked_for_again(
    tmp_path: Path, code: grpc.StatusCode, kind: type[AccreditError]
) -> None:
    bench = Bench(tmp_path, Script((), code))
    with pytest.raises(kind, match=f"{code.name}: as scripted"):
        await bench.watch(1)
    assert len(bench.endpoint.seen) == 1
    assert bench.waits == []


@pytest.mark.rows("WE-23")
async def test_while_the_endpoint_is_unavailable_the_waits_grow_and_are_bounded(
    tmp_path: Path,
) -> None:
    backoff = Backoff(timedelta(seconds=1), timedelta(seconds=8))
    bench = Bench(tmp_path, Script((), Code.UNAVAILABLE), backoff=backoff)
    seen = await bench.watch(7)
    assert {held.material for held in seen} == {None}
    assert bench.waits == [1, 2, 4, 8, 8, 8]


async def test_an_endpoint_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script((WEB,)))
    async with aclosing(bench.client.watch(X509_CONTEXT)) as states:
        assert "No such file" in (await anext(states)).problem
        async with bench.endpoint.serving():
            assert paths(await anext(states)) == ["/web"]


@pytest.mark.rows("WE-25", "XS-13")
async def test_a_refused_client_gets_its_svid_once_there_is_an_entry(tmp_path: Path) -> None:
    refusal = Script((), Code.PERMISSION_DENIED)
    bench = Bench(tmp_path, refusal, refusal, Script((WEB,)))
    seen = await bench.watch(3)
    assert [paths(held) for held in seen] == [None, None, ["/web"]]
    assert bench.waits == [1, 2]


@pytest.mark.rows("WC-06")
async def test_one_stream_is_kept_for_as_long_as_it_lasts(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script((WEB, BOTH, WEB)))
    await bench.watch(3, lasting=timedelta(hours=1))
    assert len(bench.endpoint.seen) == 1


@pytest.mark.rows("WC-07")
@pytest.mark.parametrize("code", [Code.OK, Code.UNAVAILABLE])
async def test_a_stream_that_breaks_is_opened_again_at_once_and_nothing_is_dropped(
    tmp_path: Path, code: grpc.StatusCode
) -> None:
    bench = Bench(tmp_path, Script((WEB,), code), Script((BOTH,)))
    seen = await bench.watch(3)
    assert [paths(held) for held in seen] == [["/web"], ["/web"], ["/web", "/api"]]
    assert bench.waits == [0]


async def test_a_stream_that_breaks_over_and_over_is_not_opened_in_a_circle(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, Script((WEB,), Code.UNAVAILABLE))
    await bench.watch(8, lasting=timedelta())
    assert bench.waits == [1, 2, 4]


@pytest.mark.rows("WC-13", "WC-14", "WC-15", "XS-16", "XB-07")
async def test_what_a_message_lacks_is_held_no_longer(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script((context("/web", "/api", federated=True), context("/api"))))
    first, second = await bench.watch(2)
    assert first.material is not None
    assert second.material is not None
    assert paths(second) == ["/api"]
    assert PARTNER.trust_domain in first.material.bundles.bundles
    assert PARTNER.trust_domain not in second.material.bundles.bundles


@pytest.mark.rows("XS-16")
async def test_a_refusal_withdraws_everything(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script((WEB,), Code.PERMISSION_DENIED), Script((BOTH,)))
    seen = await bench.watch(3)
    assert [paths(held) for held in seen] == [["/web"], None, ["/web", "/api"]]
    assert bench.waits == [1]


@pytest.mark.rows("WC-17")
@pytest.mark.parametrize(
    "broken", [b"", b"\xff", pb.X509SVIDResponse(crl=[b"x"]).SerializeToString()]
)
async def test_a_message_that_breaks_a_rule_is_reported_and_dropped(
    tmp_path: Path, broken: bytes
) -> None:
    bench = Bench(tmp_path, Script((WEB, broken, BOTH)))
    seen = await bench.watch(3)
    assert [paths(held) for held in seen] == [["/web"], ["/web"], ["/web", "/api"]]
    assert [bool(held.problem) for held in seen] == [False, True, False]
    assert len(bench.endpoint.seen) == 1


async def test_fetching_reports_a_message_that_breaks_a_rule(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script((b"",)))
    async with bench.endpoint.serving():
        with pytest.raises(ResponseError, match="svids is empty"):
            await bench.client.fetch(X509_CONTEXT)


async def test_fetching_reports_a_refusal(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Script((), Code.PERMISSION_DENIED))
    async with bench.endpoint.serving():
        with pytest.raises(NotEntitledError, match="PERMISSION_DENIED: as scripted"):
            await bench.client.fetch(X509_CONTEXT)
