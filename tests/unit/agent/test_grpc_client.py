from __future__ import annotations

from urllib.parse import unquote

import grpc
import grpc.aio
import pytest
from grpc.aio import Metadata

from accredit.agent.grpc_client import open_channel, translate
from accredit.identity.errors import (
    AccreditError,
    NotEntitledError,
    RequestError,
    UnavailableError,
    UnimplementedError,
)
from accredit.workload_api.endpoint import parse_endpoint

Code = grpc.StatusCode


def failed(code: grpc.StatusCode, details: str | None) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, Metadata(), Metadata(), details)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.INVALID_ARGUMENT, RequestError),
        (Code.PERMISSION_DENIED, NotEntitledError),
        (Code.UNIMPLEMENTED, UnimplementedError),
        (Code.UNAVAILABLE, UnavailableError),
        (Code.INTERNAL, UnavailableError),
    ],
)
def test_codes_become_errors(code: grpc.StatusCode, kind: type[AccreditError]) -> None:
    error = translate(failed(code, "because"), "there")
    assert type(error) is kind
    assert str(error) == f"there: {code.name}: because"


def test_what_a_server_writes_becomes_one_short_line() -> None:
    error = translate(failed(Code.UNAVAILABLE, "one\n two\x1b" + "x" * 1000), "there")
    assert str(error).startswith("there: UNAVAILABLE: one two?xxx")
    assert len(str(error)) < 600
    assert str(translate(failed(Code.UNAVAILABLE, None), "there")).endswith("no details")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://[::1]:1"])
async def test_an_address_is_dialled_as_it_is(address: str) -> None:
    async with open_channel(parse_endpoint(address)) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/s/m")
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call(b"")
    assert address.removeprefix("tcp://") in unquote(failure.value.details() or "")
