from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from grpc import aio
from support.eventually import eventually
from support.raw_http2 import HEADERS, RawConnection, request

from accredit.agent.grpcio import RegisteredOnly, be_quiet


async def _answer(request: bytes, _context: object) -> bytes:
    return request


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "s"
    async with asyncio.TaskGroup() as tasks:
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "/test.Echo/Echo": grpc.unary_unary_rpc_method_handler(_answer)
        }
        server = RegisteredOnly(tasks, handlers, [("grpc.so_reuseport", 0)])
        server.add_insecure_port(f"unix:{path}".encode())
        await server.start()
        yield path
        await server.shutdown(None)


async def _call(path: Path, method: str) -> bytes:
    async with aio.insecure_channel(f"unix:{path}") as channel:
        call: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        return await call(b"hello", timeout=5)


async def test_registered_methods_are_served(path: Path) -> None:
    assert await _call(path, "/test.Echo/Echo") == b"hello"


@pytest.mark.rows("WE-26")
@pytest.mark.parametrize("method", ["/test.Echo/Other", "/Other/Echo", "/"])
async def test_every_other_method_is_unimplemented(path: Path, method: str) -> None:
    with pytest.raises(aio.AioRpcError) as refusal:
        await _call(path, method)
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert refusal.value.details() == "there is no such method"


@pytest.mark.parametrize("bad", [b"/\xff", b"\xff", b"", b"/a\0b", b"no slash", b"/" + b"x" * 120])
async def test_no_path_does_any_harm(path: Path, bad: bytes) -> None:
    def ask() -> bytes:
        with RawConnection(path) as client:
            client.send(request(bad, end=True))
            return client.next_frame(HEADERS)

    assert b"12" in await asyncio.to_thread(ask)  # UNIMPLEMENTED
    assert await _call(path, "/test.Echo/Echo") == b"hello"


async def test_clients_that_leave_before_the_refusal_leave_nothing(path: Path) -> None:
    def leave() -> None:
        for _ in range(100):
            with RawConnection(path) as client:
                client.send(*(request(b"/other", stream, end=True) for stream in range(1, 21, 2)))

    before = len(asyncio.all_tasks())
    await asyncio.to_thread(leave)
    assert await _call(path, "/test.Echo/Echo") == b"hello"
    await eventually(lambda: len(asyncio.all_tasks()) <= before)


def test_what_callers_send_does_not_reach_the_logs(tmp_path: Path) -> None:
    # In a process of its own: grpcio reads its settings once.
    program = """
import asyncio, logging, sys
sys.path.insert(0, sys.argv[2])
logging.basicConfig(level=logging.DEBUG)
from accredit.agent.grpcio import RegisteredOnly, be_quiet
from support.eventually import eventually
from support.raw_http2 import HEADERS, RawConnection, literal, request

async def main(path):
    be_quiet()
    async with asyncio.TaskGroup() as tasks:
        server = RegisteredOnly(tasks, {}, [])
        server.add_insecure_port(f"unix:{path}".encode())
        await server.start()
        await asyncio.to_thread(speak, path)
        await server.shutdown(None)

def speak(path):
    with RawConnection(path) as client:
        bad = [literal(b"grpc-timeout", b"marker"), literal(b"x-marker", b"\\xff")]
        client.send(request(b"/marker\\xff", 1, *bad, end=True))
        client.next_frame(HEADERS)

asyncio.run(main(sys.argv[1]))
"""
    support = Path(__file__).parents[2]
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_VERBOSITY"}
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "s", support],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert "marker" not in done.stdout + done.stderr


def test_its_logger_is_only_heard_when_it_is_critical() -> None:
    be_quiet()
    assert not logging.getLogger("grpc._cython.cygrpc").isEnabledFor(logging.ERROR)
