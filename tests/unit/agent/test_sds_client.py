"""The SDS client against servers that behave as their scripts say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from support.ca import TestCa
from support.clock import EPOCH, FakeClock

from accredit.agent.sds_client import SdsClient
from accredit.agent.sds_dialect import Question
from accredit.identity.errors import (
    AccreditError,
    NotEntitledError,
    RequestError,
    ResponseError,
    UnavailableError,
    UnimplementedError,
)
from accredit.sds_server import secrets, wire
from accredit.sds_server.proto import discovery_pb2 as pb
from accredit.sds_server.proto import tls_pb2
from accredit.workload_api.endpoint import UnixEndpoint

CA = TestCa("prod.example")
SECRET = secrets.certificate("default", CA.svid("spiffe://prod.example/api"), CA.bundle(), EPOCH)
ROOTS = secrets.plain_context("ROOTCA", CA.bundle())
EMPTY = wire.frame(
    wire.pack(tls_pb2.Secret(name="default", tls_certificate=tls_pb2.TlsCertificate()))
)
WORLD, DELTA = Question(("default",), "me"), Question(("default", "x"), "me", delta=True)
Script = Callable[[AsyncIterator[bytes], Any], AsyncIterator[bytes]]


def client_of(endpoint: UnixEndpoint, question: Question = WORLD) -> SdsClient:
    return SdsClient(endpoint, FakeClock(jumps=True), question, jitter=lambda: 0.0)


@asynccontextmanager
async def served(folder: Path, **methods: Script) -> AsyncGenerator[UnixEndpoint, None]:
    """Serve the methods given and no others."""
    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        name: grpc.stream_stream_rpc_method_handler(each) for name, each in methods.items()
    }
    service = "envoy.service.secret.v3.SecretDiscoveryService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    endpoint = UnixEndpoint(str(folder / "s"))
    server.add_insecure_port(f"unix:{endpoint.path}")
    await server.start()
    try:
        yield endpoint
    finally:
        await server.stop(0)


def refuse(code: grpc.StatusCode) -> Script:
    async def script(_: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        await context.abort(code, "workload is not authorized")
        yield b""

    return script


def send(*messages: bytes) -> Script:
    """Send everything at once, whatever is asked, and stay."""

    async def script(_: AsyncIterator[bytes], __: Any) -> AsyncIterator[bytes]:
        for message in messages:
            yield message
        await asyncio.Event().wait()

    return script


def send_and_leave(message: bytes) -> Script:
    """End the stream once a message has been answered."""

    async def script(requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        await anext(requests)
        yield message
        await anext(requests)

    return script


def answer(*messages: bytes, heard: list[bytes]) -> Script:
    """Send one message after each request, and note what was asked."""

    async def script(requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        remaining = list(messages)
        async for request in requests:
            heard.append(request)
            if remaining:
                yield remaining.pop(0)

    return script


async def test_each_message_is_accepted_before_the_next_is_read(tmp_path: Path) -> None:
    heard: list[bytes] = []
    sent = [wire.response(f"v{n}", f"n{n}", [SECRET.framed]) for n in (1, 2)]
    async with (
        served(tmp_path, StreamSecrets=answer(*sent, heard=heard)) as endpoint,
        aclosing(client_of(endpoint).updates()) as updates,
    ):
        first, second = await anext(updates), await anext(updates)
    assert [each.version for update in (first, second) for each in update.secrets] == ["v1", "v2"]
    said = [pb.DiscoveryRequest.FromString(each) for each in heard]
    assert [each.response_nonce for each in said[:2]] == ["", "n1"]
    assert said[0].node.id == "me"


async def test_a_message_that_cannot_be_read_is_refused_and_the_stream_goes_on(
    tmp_path: Path,
) -> None:
    heard: list[bytes] = []
    sent = [wire.response("v1", "n1", [EMPTY]), wire.response("v2", "n2", [SECRET.framed])]
    async with served(tmp_path, StreamSecrets=answer(*sent, heard=heard)) as endpoint:
        fetched = await client_of(endpoint).fetch(timedelta(seconds=5))
    assert list(fetched.secrets) == ["default"]
    (problem,) = fetched.problems
    assert "secret 'default'" in problem
    said = pb.DiscoveryRequest.FromString(heard[1])
    assert (said.version_info, said.response_nonce) == ("", "n1")
    assert said.error_detail.message == problem


async def test_delta_waits_no_longer_for_what_will_never_come(tmp_path: Path) -> None:
    message = wire.delta_response("all", "n1", [SECRET.framed_delta], ["x"])
    async with served(tmp_path, DeltaSecrets=send(message)) as endpoint:
        fetched = await client_of(endpoint, DELTA).fetch(timedelta(seconds=5))
    assert list(fetched.secrets) == ["default"]
    assert (fetched.removed, fetched.missing, fetched.complete) == (["x"], (), True)


async def test_a_name_that_comes_after_all_is_no_longer_one_that_never_will(
    tmp_path: Path,
) -> None:
    messages = [
        wire.delta_response("all", "n1", [], ["default"]),
        wire.delta_response("all", "n2", [SECRET.framed_delta], ["x"]),
    ]
    async with served(tmp_path, DeltaSecrets=send(*messages)) as endpoint:
        fetched = await client_of(endpoint, DELTA).fetch(timedelta(seconds=5))
    assert (list(fetched.secrets), fetched.removed) == (["default"], ["x"])


async def test_several_messages_together_bring_what_was_asked_for(tmp_path: Path) -> None:
    messages = [
        wire.response(f"v{n}", f"n{n}", [each.framed]) for n, each in enumerate((SECRET, ROOTS))
    ]
    question = Question(("default", "ROOTCA"), "me")
    async with served(tmp_path, StreamSecrets=send(*messages)) as endpoint:
        fetched = await client_of(endpoint, question).fetch(timedelta(seconds=5))
    assert sorted(fetched.secrets) == ["ROOTCA", "default"]
    assert fetched.complete


async def test_silence_is_waited_for_only_so_long(tmp_path: Path) -> None:
    message = wire.response("v1", "n1", [SECRET.framed])
    question = Question(("late", "default"), "me")
    async with served(tmp_path, StreamSecrets=send(message)) as endpoint:
        fetched = await client_of(endpoint, question).fetch(timedelta(seconds=2))
    assert list(fetched.secrets) == ["default"]
    assert (fetched.missing, fetched.complete) == (("late",), False)


async def test_without_names_whatever_comes_is_everything(tmp_path: Path) -> None:
    message = wire.response("v1", "n1", [SECRET.framed, ROOTS.framed])
    async with served(tmp_path, StreamSecrets=send(message)) as endpoint:
        fetched = await client_of(endpoint, Question((), "me")).fetch(timedelta(seconds=5))
    assert sorted(fetched.secrets) == ["ROOTCA", "default"]
    assert fetched.complete


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, RequestError),
        (grpc.StatusCode.PERMISSION_DENIED, NotEntitledError),
        (grpc.StatusCode.UNAVAILABLE, UnavailableError),
        (grpc.StatusCode.INTERNAL, UnavailableError),
    ],
)
async def test_a_refusal_is_told_in_the_servers_words(
    tmp_path: Path, code: grpc.StatusCode, error: type[AccreditError]
) -> None:
    async with served(tmp_path, StreamSecrets=refuse(code)) as endpoint:
        expected = rf"StreamSecrets at unix://.*/s: {code.name}: workload is not authorized"
        with pytest.raises(error, match=expected):
            await client_of(endpoint).fetch(timedelta(seconds=5))
        with pytest.raises(UnimplementedError, match=r"DeltaSecrets at .*: UNIMPLEMENTED"):
            await client_of(endpoint, DELTA).fetch(timedelta(seconds=5))


async def test_names_that_are_refused_together_are_asked_for_one_by_one(tmp_path: Path) -> None:
    """As SPIRE refuses ROOTCA beside ALL, and everything for the sake of one name."""

    async def script(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        names = pb.DiscoveryRequest.FromString(await anext(requests)).resource_names
        if list(names) not in (["default"], ["ROOTCA"]):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"not authorized for {names}")
        secret = SECRET if names == ["default"] else ROOTS
        yield wire.response("v1", "n1", [secret.framed])
        await asyncio.Event().wait()

    question = Question(("default", "ROOTCA", "x"), "me")
    async with served(tmp_path, StreamSecrets=script) as endpoint:
        fetched = await client_of(endpoint, question).fetch(timedelta(seconds=30))
        with pytest.raises(RequestError, match="not authorized"):
            await anext(client_of(endpoint, question).watch())
    assert sorted(fetched.secrets) == ["ROOTCA", "default"]
    assert (fetched.refused, fetched.missing, fetched.complete) == (["x"], ("x",), False)
    (problem,) = fetched.problems
    assert "INVALID_ARGUMENT: not authorized for ['x']" in problem


async def test_the_end_of_the_stream_is_no_success(tmp_path: Path) -> None:
    script = send_and_leave(wire.response("v1", "n1", [ROOTS.framed]))
    async with served(tmp_path, StreamSecrets=script) as endpoint:
        with pytest.raises(UnavailableError, match="the server has ended the stream"):
            await client_of(endpoint).fetch(timedelta(seconds=5))


async def test_garbage_is_told_from_an_answer(tmp_path: Path) -> None:
    async with served(tmp_path, StreamSecrets=send(b"\xff\xff")) as endpoint:
        expected = "unix://.*/s: StreamSecrets: the server sent what cannot be decoded"
        with pytest.raises(ResponseError, match=expected):
            await client_of(endpoint).fetch(timedelta(seconds=5))


async def test_nobody_there_is_told_as_such(tmp_path: Path) -> None:
    nowhere = UnixEndpoint(str(tmp_path / "nowhere"))
    with pytest.raises(UnavailableError, match="No such file or directory"):
        await client_of(nowhere).fetch(timedelta(seconds=5))


async def test_a_watch_outlives_its_streams_and_tells_why_they_ended(tmp_path: Path) -> None:
    script = send_and_leave(wire.response("v1", "n1", [SECRET.framed]))
    async with (
        served(tmp_path, StreamSecrets=script) as endpoint,
        aclosing(client_of(endpoint).watch()) as updates,
    ):
        seen = [await anext(updates) for _ in range(4)]
    assert [len(each.secrets) for each in seen] == [1, 0, 1, 0]
    assert [bool(each.problem) for each in seen] == [False, True, False, True]
    assert "the server has ended the stream" in seen[1].problem


async def test_a_watch_ends_when_asking_again_is_of_no_use(tmp_path: Path) -> None:
    code = grpc.StatusCode.INVALID_ARGUMENT
    async with served(tmp_path, StreamSecrets=refuse(code)) as endpoint:
        with pytest.raises(RequestError, match="workload is not authorized"):
            await anext(client_of(endpoint).watch())


async def test_a_refusal_is_not_lost_to_a_request_that_meets_it(tmp_path: Path) -> None:
    # Which of the two is first is up to the kernel, hence many times.
    async with served(
        tmp_path, StreamSecrets=refuse(grpc.StatusCode.PERMISSION_DENIED)
    ) as endpoint:
        for _ in range(200):
            with pytest.raises(NotEntitledError, match="workload is not authorized"):
                await client_of(endpoint).fetch(timedelta(seconds=5))
