from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from support import descriptors, needs, other_user
from support.eventually import eventually
from support.fake_engine import ID, FakeEngine, described, http

from accredit.attestation.containers.engine import Engine
from accredit.attestation.containers.runtime import Runtime
from accredit.identity.errors import AttestationError, NotFoundError, UnavailableError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.fixture
async def fake(path: Path) -> AsyncIterator[FakeEngine]:
    async with FakeEngine(described(7)).served(path) as fake:
        yield fake


def engine(path: Path, seconds: float = 20) -> Engine:
    timeout = timedelta(seconds=seconds)
    return Engine(Runtime("docker", path, owner=os.getuid(), timeout=timeout))


async def test_a_container_is_asked_for_by_its_whole_id(path: Path, fake: FakeEngine) -> None:
    found = await engine(path).inspect(ID)
    assert (found.id, found.name) == (ID, "checkout")
    assert fake.asked == [f"/containers/{ID}/json"]


async def test_a_proxy_of_the_environment_is_not_asked(
    path: Path, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    await engine(path).inspect(ID)
    assert len(fake.asked) == 1


async def test_a_container_it_does_not_know_is_told_as_that(path: Path, fake: FakeEngine) -> None:
    fake.answer = http(b'{"message":"No such container"}', "404 Not Found")
    with pytest.raises(NotFoundError, match=rf"docker at .*/s knows no container {ID}"):
        await engine(path).inspect(ID)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (http(b"", "500 Internal Server Error"), "HTTP status 500"),
        (http(b"", "302 Found", "Location: http://192.0.2.1/"), "HTTP status 302"),
        (http(b"", "302 Found", "Location: http://xn--a/"), "HTTP status 302"),
        (http(b"<html>"), "not a container's description: not JSON"),
        (http(b"[" * 100_000), "not a container's description: JSON is nested deeper"),
        (http(b"{}"), "not a container's description: Config is no object"),
        (http(b" " * ((4 << 20) + 1)), "an answer of more than 4194304 bytes"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP answer: "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "no HTTP answer: "),
        (b"", "no HTTP answer: "),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000, "no HTTP answer: "),
        (http(json.dumps(described(7, Id="f" * 64)).encode()), "described another container"),
    ],
)
async def test_garbage_is_one_clear_error_and_may_be_better_next_time(
    path: Path, fake: FakeEngine, answer: bytes, reason: str
) -> None:
    fake.answer = answer
    with pytest.raises(UnavailableError, match=rf"^docker at .*/s: {reason}") as caught:
        await engine(path).inspect(ID)
    assert len(str(caught.value)) < 500


async def test_a_compressed_answer_is_never_unpacked(path: Path, fake: FakeEngine) -> None:
    fake.answer = http(b"\x1f\x8b", "200 OK", "Content-Encoding: gzip")
    with pytest.raises(UnavailableError, match="not a container's description"):
        await engine(path).inspect(ID)


async def test_an_answer_that_does_not_come_is_given_up(path: Path, fake: FakeEngine) -> None:
    fake.held.clear()
    with pytest.raises(UnavailableError, match=r"docker at .*/s: no answer within 0.05 seconds"):
        await engine(path, seconds=0.05).inspect(ID)


async def test_an_answer_that_comes_in_drops_is_given_up_too(path: Path) -> None:
    gone = asyncio.Event()

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()
        gone.set()

    async with await asyncio.start_unix_server(drip, path):
        with pytest.raises(UnavailableError, match=r"no answer within 0.1 seconds"):
            await engine(path, seconds=0.1).inspect(ID)
        async with asyncio.timeout(20):
            await gone.wait()


async def test_whoever_stops_waiting_leaves_nothing_open(path: Path, fake: FakeEngine) -> None:
    fake.held.clear()
    before = descriptors.count()
    for _ in range(5):
        with pytest.raises(UnavailableError, match="no answer"):
            await engine(path, seconds=0.02).inspect(ID)
    fake.held.set()
    await eventually(lambda: descriptors.count() <= before)


@pytest.mark.parametrize("there", [False, True])
async def test_a_daemon_that_is_down_is_named_with_its_socket(path: Path, there: bool) -> None:
    if there:
        path.touch()
    with pytest.raises(UnavailableError, match=r"docker at .*/s: cannot connect: .*running\?"):
        await engine(path).inspect(ID)


@pytest.mark.root
async def test_a_daemon_of_another_user_is_not_believed(path: Path) -> None:
    needs.root()
    async with FakeEngine(described(7)).served(path, other_user.UID):
        match = f"is served by user {other_user.UID}, not 0: whoever serves it may say anything"
        with pytest.raises(AttestationError, match=match):
            await engine(path).inspect(ID)


async def test_few_questions_are_asked_at_the_same_time(path: Path, fake: FakeEngine) -> None:
    fake.held.clear()
    asked = engine(path)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asked.inspect(ID)) for _ in range(20)]
        async with asyncio.timeout(20):
            while len(fake.asked) < 8:  # noqa: ASYNC110  nobody could set an event
                await asyncio.sleep(0.005)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(fake.asked) == 8
        fake.held.set()
    assert len(fake.asked) == len(tasks)
