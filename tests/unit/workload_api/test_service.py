from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Never

import pytest
from google.protobuf.message import Message
from support.entries import entry
from support.fake_workload import FakeCaller, FakeWorkload
from support.running import quiet, running
from support.workload_api import HEADER, WorkloadApiBench

from accredit.identity.errors import (
    AttestationError,
    NotEntitledError,
    RequestError,
    UnavailableError,
    UnimplementedError,
)
from accredit.rotation.delivery import Call
from accredit.workload_api.proto import workload_pb2 as pb

X509 = ["FetchX509SVID", "FetchX509Bundles"]
JWT = ["FetchJWTSVID", "FetchJWTBundles", "ValidateJWTSVID"]
WIT = ["FetchWITSVID", "FetchWITBundles"]
STREAMS = ["FetchX509SVID", "FetchX509Bundles", "FetchJWTBundles"]
STRANGER = FakeWorkload("unix:uid:6666")


class NobodyLooks(FakeWorkload):
    async def evidence(self) -> Never:
        raise AssertionError("the caller was attested")


async def request(bench: WorkloadApiBench, method: str) -> Message:
    """Return a request that is answered for the bench's own workload."""
    if method == "FetchJWTSVID":
        return pb.JWTSVIDRequest(audience=["db"])
    if method == "ValidateJWTSVID":
        asked = pb.JWTSVIDRequest(audience=["db"])
        token = (await bench.ask("FetchJWTSVID", asked)).svids[0].svid
        return pb.ValidateJWTSVIDRequest(audience="db", svid=token)
    return pb.X509SVIDRequest()


@pytest.mark.rows("WC-01")
@pytest.mark.parametrize("method", X509 + JWT)
async def test_both_profiles_answer(method: str) -> None:
    bench = WorkloadApiBench(entry("/web"))
    assert (await bench.ask(method, await request(bench, method))).ByteSize() > 0


@pytest.mark.rows("WE-07", "WE-08")
@pytest.mark.parametrize("method", X509 + JWT + WIT)
@pytest.mark.parametrize("values", [(), ("True",), ("true", "true"), ("1",)])
async def test_the_security_header_comes_before_everything(
    method: str, values: tuple[str, ...]
) -> None:
    bench = WorkloadApiBench(entry("/web"), x509_profile=False, jwt_profile=False)
    bench.ready = False
    with pytest.raises(RequestError, match="must be sent once, as 'true'"):
        await bench.ask(method, workload=NobodyLooks(), metadata={"workload.spiffe.io": values})
    assert bench.authority.signed == 0


@pytest.mark.rows("WE-22")
@pytest.mark.parametrize("method", X509 + JWT + WIT)
async def test_nobody_is_refused_for_want_of_an_identity_before_identities_are_known(
    method: str,
) -> None:
    bench = WorkloadApiBench()
    bench.ready = False
    with pytest.raises(UnavailableError, match="starting"):
        await bench.ask(method, workload=STRANGER)


@pytest.mark.rows("WC-02")
@pytest.mark.parametrize(("off", "on", "switch"), [(X509, JWT, "x509"), (JWT, X509, "jwt")])
async def test_a_profile_that_is_switched_off_is_unimplemented(
    off: list[str], on: list[str], switch: str
) -> None:
    everything = WorkloadApiBench(entry("/web"))
    switched: dict[str, Any] = {f"{switch}_profile": False}
    bench = WorkloadApiBench(entry("/web"), **switched)
    for method in off:
        with pytest.raises(UnimplementedError, match="this profile is not offered here"):
            await bench.ask(method, await request(everything, method), workload=STRANGER)
    for method in on:
        await bench.ask(method, await request(bench, method))


@pytest.mark.rows("WC-03", "WS-01", "WB-01")
@pytest.mark.parametrize("method", WIT)
async def test_the_wit_profile_is_unimplemented(method: str) -> None:
    bench = WorkloadApiBench(entry("/web"))
    with pytest.raises(UnimplementedError, match="this profile is not offered here"):
        await bench.ask(method)


@pytest.mark.parametrize(
    ("method", "bad"),
    [
        ("FetchJWTSVID", pb.JWTSVIDRequest()),
        ("FetchJWTSVID", pb.JWTSVIDRequest(audience=["db"] * 2 + ["x" * 2000])),
        ("ValidateJWTSVID", pb.ValidateJWTSVIDRequest(audience="db")),
    ],
)
async def test_the_requests_fields_come_before_the_caller(method: str, bad: Message) -> None:
    with pytest.raises(RequestError):
        await WorkloadApiBench().ask(method, bad, workload=NobodyLooks())


@pytest.mark.rows("WE-24", "XS-12", "XB-03", "JS-09", "JB-05", "VJ-11")
@pytest.mark.parametrize("method", X509 + JWT)
async def test_a_caller_without_an_entry_is_refused(method: str) -> None:
    bench = WorkloadApiBench(entry("/web"))
    good = await request(bench, method)
    with pytest.raises(NotEntitledError, match=r"no registration entry|not entitled to any"):
        await bench.ask(method, good, workload=STRANGER)


@pytest.mark.parametrize("method", X509 + JWT)
async def test_a_caller_that_cannot_be_identified_is_refused(method: str) -> None:
    bench = WorkloadApiBench(entry("/web"))
    good = await request(bench, method)
    gone = FakeWorkload(caller=FakeCaller(alive=False))
    with pytest.raises(AttestationError, match="caller 4711 has exited"):
        await bench.ask(method, good, workload=gone)


@pytest.mark.parametrize("method", STREAMS)
async def test_a_stream_says_nothing_more_to_a_caller_that_has_exited(method: str) -> None:
    bench = WorkloadApiBench(entry("/web"))
    stream = bench.call(method)
    async with running(bench.identities, stream):
        await quiet()
        bench.web.caller.alive = False
        bench.authority.rotate()
        await quiet()
    assert len(stream.seen) == 1
    assert isinstance(stream.error, AttestationError)


@pytest.mark.rows("WC-19", "XS-20")
@pytest.mark.parametrize("method", STREAMS)
async def test_a_stream_ends_when_the_last_entry_is_gone_and_says_nothing_more(method: str) -> None:
    bench = WorkloadApiBench(entry("/web"), entry("/other", "unix:uid:6666"))
    stream = bench.call(method)
    async with running(bench.identities, stream):
        await quiet()
        bench.authority.set_entries(entry("/other", "unix:uid:6666"))
        await quiet()
    assert len(stream.seen) == 1
    assert isinstance(stream.error, NotEntitledError)


@pytest.mark.rows("WC-11", "XB-09", "JB-10")
@pytest.mark.parametrize("method", STREAMS)
async def test_each_new_stream_has_its_first_message_at_once(method: str) -> None:
    bench = WorkloadApiBench(entry("/web"))
    async with running(bench.identities):
        await bench.identities.snapshot(bench.web)
        streams = [bench.call(method) for _ in range(3)]
        async with running(*streams):
            await quiet()
            assert [len(stream.seen) for stream in streams] == [1, 1, 1]


@pytest.mark.rows("WC-10")
@pytest.mark.parametrize("method", STREAMS)
async def test_what_does_not_change_the_answer_brings_no_message(method: str) -> None:
    web = entry("/web", ttl=timedelta(hours=4))
    bench = WorkloadApiBench(web, entry("/other", "unix:uid:6666"))
    stream = bench.call(method)
    async with running(bench.identities, stream):
        await quiet()
        bench.authority.set_entries(web)
        bench.clock.advance(timedelta(minutes=10))
        await quiet()
        assert len(stream.seen) == 1


async def test_a_closed_stream_is_forgotten() -> None:
    bench = WorkloadApiBench(entry("/web"))
    for method in STREAMS:
        async with running(bench.identities, bench.call(method)):
            await quiet()
            assert len(bench.web.subscribers) == 1
        assert len(bench.web.subscribers) == 0


async def test_a_call_without_a_request_is_refused() -> None:
    async def nothing() -> AsyncIterator[Any]:
        return
        yield

    bench = WorkloadApiBench(entry("/web"))
    for method in bench.service.methods:
        with pytest.raises((RequestError, UnimplementedError)):
            await anext(method.handler(nothing(), Call(bench.web, HEADER)))


async def test_a_failed_attestor_leaves_a_caller_what_the_others_prove() -> None:
    bench = WorkloadApiBench(entry("/web"), entry("/pod", "unix:uid:1000", "k8s:ns:web"))
    stream = bench.call("FetchX509SVID")
    async with running(bench.identities, stream):
        await quiet()
        bench.web.become("unix:uid:1000", "k8s:ns:web")
        await quiet()
    assert [[svid.spiffe_id for svid in message.svids] for message in stream.seen] == [
        ["spiffe://prod.example/web"],
        ["spiffe://prod.example/web", "spiffe://prod.example/pod"],
    ]
