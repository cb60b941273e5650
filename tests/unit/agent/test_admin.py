"""The admin socket: what it answers, what it bounds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from accredit.agent.admin import MAX_REQUEST_BYTES, AdminServer, Params, administrator
from accredit.agent.admin_client import ask
from accredit.identity.errors import RequestError, StoreError


async def echo(params: Params) -> Any:
    return dict(params)


async def who(params: Params) -> Any:
    del params
    return administrator.get()


async def refuse(params: Params) -> Any:
    raise RequestError(f"there is no {params['name']}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private/admin.sock"


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[None]:
    server = AdminServer(path, {"echo": echo, "refuse": refuse, "who": who})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.run())
        await server.ready.wait()
        yield
        task.cancel()


async def raw(path: Path, sent: bytes) -> list[Any]:
    """Send bytes, end the sending side and return every answer until the server closes."""
    reader, writer = await asyncio.open_unix_connection(path, limit=1 << 22)
    writer.write(sent)
    await writer.drain()
    writer.write_eof()
    answers = (await reader.read()).splitlines()
    writer.close()
    return [json.loads(line) for line in answers]


async def test_a_method_is_called_with_its_parameters(path: Path) -> None:
    async with serving(path):
        assert await asyncio.to_thread(ask, path, "echo", name="a", n=1) == {"name": "a", "n": 1}


async def test_a_refusal_comes_back_in_the_agents_words(path: Path) -> None:
    async with serving(path):
        with pytest.raises(RequestError, match="there is no entry"):
            await asyncio.to_thread(ask, path, "refuse", name="entry")


async def test_one_connection_carries_many_requests(path: Path) -> None:
    async with serving(path):
        one = b'{"method": "echo", "params": {"n": 1}}\n'
        assert await raw(path, one * 3) == [{"result": {"n": 1}}] * 3


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (b"nonsense", "the request is not JSON"),
        (b"\xff", "the request is not JSON"),
        (b"[" * 50_000, "the request is not JSON"),
        (b"[]", "expected an object with method and params"),
        (b'{"method": "echo", "params": []}', "expected an object with method and params"),
        (b'{"method": "stop"}', "unknown method; known are echo, refuse, who"),
        (b'{"method": ["echo"]}', "unknown method; known are echo, refuse, who"),
        (b"{}", "unknown method; known are echo, refuse, who"),
    ],
)
async def test_a_bad_request_is_told_what_is_wrong(
    path: Path, request_: bytes, message: str
) -> None:
    async with serving(path):
        [answer] = await raw(path, request_ + b"\n")
        assert answer == {"error": {"status": "INVALID_ARGUMENT", "message": message}}


async def test_a_long_request_is_read_whole(path: Path) -> None:
    async with serving(path):
        name = "x" * (MAX_REQUEST_BYTES // 2)
        answer = await asyncio.to_thread(ask, path, "echo", name=name)
        assert answer == {"name": name}


async def test_an_endless_request_ends_the_connection(path: Path) -> None:
    async with serving(path):
        with pytest.raises(ConnectionError):
            await raw(path, b"x" * 4 * MAX_REQUEST_BYTES)
        assert await raw(path, b'{"method": "echo"}\n') == [{"result": {}}]


async def test_more_connections_than_the_bound_wait_their_turn(path: Path) -> None:
    async with serving(path):
        held = [await asyncio.open_unix_connection(path) for _ in range(16)]
        late = asyncio.ensure_future(raw(path, b'{"method": "echo"}\n'))  # noqa: TID251
        await asyncio.sleep(0.05)
        assert not late.done()
        held[0][1].close()
        assert await late == [{"result": {}}]
        for _, writer in held:
            writer.close()


async def test_socket_and_folder_are_ours_alone(path: Path) -> None:
    async with serving(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.exists()


async def test_a_second_server_at_the_same_path_is_refused(path: Path) -> None:
    async with serving(path):
        with pytest.raises(StoreError, match="another process is serving here; stop it"):
            await AdminServer(path, {}).run()


async def test_out_of_descriptors_it_waits_until_there_are_some(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with serving(path):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.setblocking(False)
            highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
            filler = []
            try:
                with contextlib.suppress(OSError):
                    while True:
                        filler.append(os.dup(caller.fileno()))
                caller.connect(str(path))
                while not caplog.messages:  # noqa: ASYNC110  a log line tells nobody
                    await asyncio.sleep(0.01)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                for number in filler:
                    os.close(number)
            caller.sendall(b'{"method": "echo"}\n')
            answer = await asyncio.get_running_loop().sock_recv(caller, 4096)
    assert answer == b'{"result": {}}\n'
    assert caplog.messages[0] == "no descriptor for an administrator"


async def test_a_method_may_know_for_whom_it_is_called(path: Path) -> None:
    async with serving(path):
        assert await asyncio.to_thread(ask, path, "who") == os.geteuid()
    assert administrator.get() is None
