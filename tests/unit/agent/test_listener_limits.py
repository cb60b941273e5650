"""What one user may have, and all together."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.listening import listening

from accredit.agent.limits import Limits
from accredit.identity.errors import UnavailableError


async def test_streams_are_counted_for_the_user(tmp_path: Path) -> None:
    async with listening(tmp_path, Limits(streams_per_uid=2)) as bench:
        bench.connect()
        bench.connect()
        await bench.accepted(2)
        first, second = bench.connections
        first.stream_began()
        second.stream_began()
        with pytest.raises(UnavailableError, match="has 2 streams open, as many as it may"):
            first.stream_began()
        second.stream_ended()
        first.stream_began()


async def test_bytes_are_counted_for_the_user_and_forgotten_at_the_end(tmp_path: Path) -> None:
    async with listening(tmp_path, Limits(request_bytes_per_uid=1000)) as bench:
        bench.connect()
        await bench.accepted(1)
        (connection,) = bench.connections
        connection.came((64 << 10) + 500)
        assert bench.listener.request_bytes.total == 500
        with pytest.raises(UnavailableError, match="bytes of requests open"):
            connection.came(501)
        bench.carrier.end(connection)
        assert bench.listener.request_bytes.total == 0


async def test_one_that_asks_nothing_is_closed(tmp_path: Path) -> None:
    async with listening(tmp_path, Limits(first_request=timedelta(milliseconds=500))) as bench:
        silent, asking = bench.connect(), bench.connect()
        await bench.accepted(2)
        bench.connections[1].asked(10)
        await bench.refused(silent)
        assert len(bench.connections) == 1
        asking.setblocking(False)
        with pytest.raises(BlockingIOError):
            asking.recv(1)


async def test_a_user_has_so_many_connections_and_no_more(tmp_path: Path) -> None:
    async with listening(tmp_path, Limits(connections_per_uid=2)) as bench:
        for _ in range(2):
            bench.connect()
        await bench.accepted(2)
        await bench.refused(bench.connect())
        bench.carrier.end(bench.connections[0])
        bench.connect()
        await bench.accepted(2)


async def test_all_together_have_so_many_and_no_more(tmp_path: Path) -> None:
    async with listening(tmp_path, Limits(connections=1)) as bench:
        bench.connect()
        await bench.accepted(1)
        await bench.refused(bench.connect())
