"""The SDS client against servers that behave as their scripts say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from support.ca import TestCa
from support.clock import EPOCH

from accredit.agent.sds_client import updates
from accredit.identity.errors import (
    AccreditError,
    NotEntitledError,
    RequestError,
    UnavailableError,
    UnimplementedError,
)
from accredit.sds_server import secrets, wire
from accredit.sds_server.proto import discovery_pb2 as pb
from accredit.workload_api.endpoint import UnixEndpoint

CA = TestCa("prod.example")
SECRET = secrets.certificate("default", CA.svid("spiffe://prod.example/api"), CA.bundle(), EPOCH)
Script = Callable[[AsyncIterator[bytes], Any], AsyncIterator[bytes]]


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


async def test_it_asks_as_an_envoy_would_and_accepts_what_comes(tmp_path: Path) -> None:
    said: list[pb.DiscoveryRequest] = []

    async def script(requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            said.append(pb.DiscoveryRequest.FromString(request))
            yield wire.response(f"v{len(said)}", f"n{len(said)}", [SECRET.framed])

    async with (
        served(tmp_path, StreamSecrets=script) as endpoint,
        aclosing(updates(endpoint, ["default"], "me", delta=False)) as messages,
    ):
        first, second = await anext(messages), await anext(messages)
    assert [each.version for update in (first, second) for each in update.secrets] == ["v1", "v2"]
    assert first.secrets[0].spiffe_id == "spiffe://prod.example/api"
    assert (said[0].node.id, said[0].type_url) == ("me", wire.SECRET_TYPE)
    assert (said[0].version_info, said[0].response_nonce) == ("", "")
    assert (said[1].version_info, said[1].response_nonce) == ("v1", "n1")
    assert [list(each.resource_names) for each in said[:2]] == [["default"], ["default"]]


async def test_it_speaks_delta_too(tmp_path: Path) -> None:
    said: list[pb.DeltaDiscoveryRequest] = []

    async def script(requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            said.append(pb.DeltaDiscoveryRequest.FromString(request))
            yield wire.delta_response("all", f"n{len(said)}", [SECRET.framed_delta], ["x"])

    async with (
        served(tmp_path, DeltaSecrets=script) as endpoint,
        aclosing(updates(endpoint, ["default", "x"], "me", delta=True)) as messages,
    ):
        first, _ = await anext(messages), await anext(messages)
    assert first.removed == ("x",)
    assert first.secrets[0].version == SECRET.version
    assert list(said[0].resource_names_subscribe) == ["default", "x"]
    assert list(said[1].resource_names_subscribe) == []
    assert said[1].response_nonce == "n1"


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
    async def script(_: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        await context.abort(code, "workload is not authorized")
        yield b""

    async with served(tmp_path, StreamSecrets=script) as endpoint:
        expected = rf"SDS at unix://.*/s: {code.name}: workload is not authorized"
        with pytest.raises(error, match=expected):
            await anext(updates(endpoint, ["default"], "me", delta=False))
        with pytest.raises(UnimplementedError, match="UNIMPLEMENTED"):
            await anext(updates(endpoint, ["default"], "me", delta=True))


async def test_the_end_of_the_stream_is_no_success(tmp_path: Path) -> None:
    async def script(_: AsyncIterator[bytes], __: Any) -> AsyncIterator[bytes]:
        yield wire.response("v1", "n1", [SECRET.framed])

    async with served(tmp_path, StreamSecrets=script) as endpoint:
        messages = updates(endpoint, ["default"], "me", delta=False)
        await anext(messages)
        with pytest.raises(UnavailableError, match="the server has ended the stream"):
            await anext(messages)


async def test_garbage_is_told_from_an_answer(tmp_path: Path) -> None:
    async def script(_: AsyncIterator[bytes], __: Any) -> AsyncIterator[bytes]:
        yield b"\xff\xff"
        await asyncio.Event().wait()

    async with served(tmp_path, StreamSecrets=script) as endpoint:
        with pytest.raises(UnavailableError, match="what came is no message of SDS"):
            await anext(updates(endpoint, ["default"], "me", delta=False))


async def test_nobody_there_is_told_as_such(tmp_path: Path) -> None:
    nowhere = UnixEndpoint(str(tmp_path / "nowhere"))
    with pytest.raises(UnavailableError, match="UNAVAILABLE"):
        await anext(updates(nowhere, ["default"], "me", delta=False))
