from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import grpc
import pytest
from support.fake_endpoint import FakeEndpoint, Script
from support.ports import free_port
from support.running import quiet

from accredit.agent import client_calls
from accredit.identity.errors import (
    AccreditError,
    NotEntitledError,
    RequestError,
    UnavailableError,
    UnimplementedError,
)
from accredit.workload_api.endpoint import parse_endpoint

Code = grpc.StatusCode


async def all_of(endpoint: FakeEndpoint, method: str = "FetchX509SVID") -> list[bytes]:
    return [each async for each in client_calls.stream(parse_endpoint(endpoint.address), method)]


@pytest.mark.rows("WE-06", "WE-32")
async def test_each_call_carries_the_security_header_to_a_method_without_package(
    tmp_path: Path,
) -> None:
    endpoint = FakeEndpoint(tmp_path / "api.sock", Script((b"answer",), Code.OK))
    address = parse_endpoint(endpoint.address)
    async with endpoint.serving():
        with pytest.raises(UnavailableError, match="the endpoint has ended the stream"):
            await all_of(endpoint)
        assert await client_calls.unary(address, "FetchJWTSVID", b"asked") == b"answer"
    assert [call.method for call in endpoint.seen] == [
        "/SpiffeWorkloadAPI/FetchX509SVID",
        "/SpiffeWorkloadAPI/FetchJWTSVID",
    ]
    assert [call.metadata["workload.spiffe.io"] for call in endpoint.seen] == ["true", "true"]
    assert endpoint.seen[1].request == b"asked"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.INVALID_ARGUMENT, RequestError),
        (Code.PERMISSION_DENIED, NotEntitledError),
        (Code.UNIMPLEMENTED, UnimplementedError),
        (Code.UNAVAILABLE, UnavailableError),
        (Code.INTERNAL, UnavailableError),
        (Code.RESOURCE_EXHAUSTED, UnavailableError),
    ],
)
async def test_codes_become_errors(
    tmp_path: Path, code: grpc.StatusCode, kind: type[AccreditError]
) -> None:
    endpoint = FakeEndpoint(tmp_path / "api.sock", Script((), code))
    address = parse_endpoint(endpoint.address)
    async with endpoint.serving():
        with pytest.raises(kind, match=f"FetchX509SVID at unix:.*: {code.name}: as scripted"):
            await all_of(endpoint)
        with pytest.raises(kind, match=f"FetchJWTSVID at unix:.*: {code.name}: as scripted"):
            await client_calls.unary(address, "FetchJWTSVID", b"")


async def test_an_endpoint_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="No such file or directory"):
        await all_of(FakeEndpoint(tmp_path / "none.sock"))


async def test_a_path_with_odd_characters_is_reached(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/a%20b%25c.sock"
    endpoint = FakeEndpoint(tmp_path, Script((b"here",), Code.OK))
    endpoint.address = address
    async with endpoint.serving():
        assert (tmp_path / "a b%c.sock").is_socket()
        assert await client_calls.unary(parse_endpoint(address), "FetchJWTSVID", b"") == b"here"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_a_tcp_endpoint_is_reached(tmp_path: Path, host: str) -> None:
    port = free_port()
    endpoint = FakeEndpoint(tmp_path, Script((b"here",), Code.OK))
    endpoint.address = f"{host}:{port}"
    async with endpoint.serving():
        address = parse_endpoint(f"tcp://{host}:{port}")
        assert await client_calls.unary(address, "FetchJWTSVID", b"") == b"here"


@pytest.mark.rows("WC-08")
async def test_a_closed_stream_is_cancelled_at_the_endpoint(tmp_path: Path) -> None:
    endpoint = FakeEndpoint(tmp_path / "api.sock", Script((b"here",)))
    async with endpoint.serving():
        address = parse_endpoint(endpoint.address)
        async with aclosing(client_calls.stream(address, "FetchX509SVID")) as messages:
            assert await anext(messages) == b"here"
        while not endpoint.cancelled:
            await quiet()
