from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from support.ca import TestCa

from accredit.file_output.address import Address
from accredit.file_output.tell.haproxy_cli import Cli, shown
from accredit.identity.errors import DeployError


class Stub:
    """A socket that answers every question alike, and keeps what it was asked."""

    def __init__(self, path: Path, answer: bytes, *, closes: bool = True) -> None:
        self.path, self.answer, self.closes = path, answer, closes
        self.asked: list[bytes] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Stub]:
        server = await asyncio.start_unix_server(self._serve, str(self.path))
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append(await reader.readuntil(b"\n" if self.closes else b"\x00"))
            writer.write(self.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def cli(stub: Stub, **fields: object) -> Cli:
    return Cli(Address(path=str(stub.path)), **fields)  # type: ignore[arg-type]


async def test_a_question_is_one_line_and_the_answer_all_there_is(tmp_path: Path) -> None:
    async with Stub(tmp_path / "s", b"2.6\n\n").running() as stub:
        assert await cli(stub).ask("show version") == "2.6"
        assert await cli(stub, worker="@1").ask("show version") == "2.6"
    assert stub.asked == [b"show version\n", b"@1 show version\n"]


async def test_who_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    async with Stub(tmp_path / "s", b"", closes=False).running() as stub:
        with pytest.raises(DeployError, match=r"did not answer in 0\.2 s"):
            await cli(stub, timeout=timedelta(seconds=0.2)).ask("show version")
    with pytest.raises(DeployError, match=r"cannot be reached: no such file .* level admin"):
        await Cli(Address(path=str(tmp_path / "none"))).ask("show version")


async def test_a_socket_that_is_deaf_for_a_moment_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(Cli(Address(path=str(path))).ask("show version"))
        await asyncio.sleep(0.05)
        assert not asking.done()
        async with Stub(path, b"2.6\n\n").running():
            assert await asking == "2.6"


async def test_an_endless_answer_is_not_read_to_its_end(tmp_path: Path) -> None:
    async with Stub(tmp_path / "s", b"x" * 10_000_000).running() as stub:
        with pytest.raises(DeployError, match="longer than 262144 bytes"):
            await cli(stub).ask("show version")


def test_an_answer_is_shown_as_one_short_line_without_secrets() -> None:
    key = TestCa().svid().key_pem.decode()
    assert shown("unknown\n  command") == "unknown command"
    assert shown(key) == "[redacted]"
    assert len(shown("x" * 1000)) == 300
    assert shown(" ") == "nothing"
