from __future__ import annotations

from pathlib import Path
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


async def test_where_nobody_listens_the_cause_and_the_cure_are_told(tmp_path: Path) -> None:
    (stale := tmp_path / "a b.sock").touch()
    for path, why in ((tmp_path / "c", "No such file or directory"), (stale, "Connection refused")):
        error = translate(await _refused(f"unix://{path}"), "there")
        cure = "is the agent running, and is this its socket?"
        assert str(error) == f"there: UNAVAILABLE: cannot connect: {why}; {cure}"
    error = translate(await _refused("tcp://127.0.0.1:1"), "there")
    assert str(error).startswith("there: UNAVAILABLE: cannot connect: Connection refused")


def test_what_answers_in_another_protocol_is_told_in_grpcs_words() -> None:
    details = "failed to connect to all addresses; last error: UNAVAILABLE: unix:/s: Failed parsing"
    assert str(translate(failed(Code.UNAVAILABLE, details), "there")).endswith(details)


async def _refused(address: str) -> grpc.aio.AioRpcError:
    async with open_channel(parse_endpoint(address)) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/s/m")
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call(b"")
    return failure.value


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://[::1]:1"])
async def test_an_address_is_dialled_as_it_is(address: str) -> None:
    details = (await _refused(address)).details()
    assert address.removeprefix("tcp://") in unquote(details or "")
