from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from support.eventually import eventually
from support.file_sets import marked
from support.way import ScriptedWay

from accredit.file_output.address import Address
from accredit.file_output.tell.haproxy_cli import Cli
from accredit.file_output.tell.haproxy_reload import WatchedReload
from accredit.file_output.tell.way import Written
from accredit.identity.errors import DeployError

WRITTEN = Written(Path("/f"), marked("1"))


class Worker:
    """Answers ``show info`` on a socket, with the pid it has just now."""

    def __init__(self, path: Path) -> None:
        self.cli = Cli(Address(path=str(path)))
        self.pid, self.asked = 7, 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Worker]:
        server = await asyncio.start_unix_server(self._serve, self.cli.address.path)
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"show info\n"
        self.asked += 1
        writer.write(f"Name: HAProxy\nPid: {self.pid}\nUptime: 0d\n\n".encode())
        writer.close()


async def test_it_lasts_until_another_worker_answers(tmp_path: Path) -> None:
    way = ScriptedWay()
    async with Worker(tmp_path / "s").running() as worker, asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(WatchedReload(way, (worker.cli,)).tell(WRITTEN))
        await eventually(lambda: worker.asked > 3)
        assert len(way.told) == 1
        assert not telling.done()
        worker.pid = 8
    assert not telling.exception()


async def test_a_worker_that_stays_is_an_error(tmp_path: Path) -> None:
    within = timedelta(seconds=0.2)
    async with Worker(tmp_path / "s").running() as worker:
        with pytest.raises(
            DeployError, match=r"has no new worker 0\.2 s after its reload; its log"
        ):
            await WatchedReload(ScriptedWay(), (worker.cli,), within).tell(WRITTEN)


async def test_where_no_worker_answered_none_is_waited_for(tmp_path: Path) -> None:
    way = ScriptedWay()
    nobody = Cli(Address(path=str(tmp_path / "none")))
    watched = WatchedReload(way, (nobody,))
    await watched.tell(WRITTEN)
    assert len(way.told) == 1
    assert str(watched) == str(way)


async def test_a_way_that_fails_is_not_waited_for(tmp_path: Path) -> None:
    async with Worker(tmp_path / "s").running() as worker:
        with pytest.raises(DeployError, match="refused"):
            await WatchedReload(ScriptedWay("refused"), (worker.cli,)).tell(WRITTEN)
        assert worker.asked == 1
