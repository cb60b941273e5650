"""A load client, a process of its own: ``python -m bench.client SOCKET``.

Reads one JSON command a line and answers each with one line. Times are those of the monotonic
clock, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from grpc import aio

from bench.methods import (
    CHANNEL_OPTIONS,
    FETCH_X509_SVID,
    NODE,
    SECURITY_HEADER,
    STREAM_SECRETS,
    acknowledgement,
    subscription,
)

_TIMEOUT = 60.0
_BETWEEN_PULSES = 0.005


class Client:
    """Each public method is a command."""

    def __init__(self, address: str, tasks: asyncio.TaskGroup) -> None:
        self._address = address
        self._tasks = tasks
        self._streams: list[asyncio.Task[None]] = []
        self._every_time = b""
        self._arrived: list[float] = []
        self._all_arrived = asyncio.Event()

    async def warm_up(self) -> None:
        """Load what a first call loads, so that it is not measured."""
        async with self._channel() as channel:
            channel.unary_stream(FETCH_X509_SVID)

    async def churn(self, count: int, parallel: int) -> list[float]:
        """Open ``count`` connections, each to its first SVID; return the seconds each took."""
        took: list[float] = []
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                started = time.perf_counter()
                async with self._channel() as channel:
                    await _first_svid(channel)
                    took.append(time.perf_counter() - started)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(parallel):
                tasks.create_task(work())
        return took

    async def pulse(self, seconds: float) -> list[float]:
        """Ask again and again over one connection; return the seconds each answer took."""
        took: list[float] = []
        ends = time.monotonic() + seconds
        async with self._channel() as channel:
            await _first_svid(channel)
            while time.monotonic() < ends:
                started = time.perf_counter()
                await _first_svid(channel)
                took.append(time.perf_counter() - started)
                await asyncio.sleep(_BETWEEN_PULSES)
        return took

    async def open(self, count: int, parallel: int, *, repeat_node: bool = False) -> None:
        """Open ``count`` SDS streams, each on its connection, up to the first message.

        With ``repeat_node`` every acknowledgement has it, as Envoy's have unless told otherwise.
        """
        self._every_time = NODE if repeat_node else b""
        gate = asyncio.Semaphore(parallel)
        opened = [asyncio.Event() for _ in range(count)]
        for event in opened:
            await gate.acquire()
            self._streams.append(self._tasks.create_task(self._follow(event, gate)))
        for event in opened:
            await event.wait()

    async def arm(self) -> None:
        """From now on note when each stream's next message comes."""
        self._arrived.clear()
        self._all_arrived.clear()

    async def gather(self) -> list[float]:
        """Return when each stream's message came, once all have."""
        async with asyncio.timeout(_TIMEOUT):
            await self._all_arrived.wait()
        return self._arrived

    async def first(self) -> float:
        """Wait for the socket to accept, fetch an SVID, return the time it was there."""
        await asyncio.to_thread(_wait_until_it_accepts, self._address)
        async with self._channel() as channel:
            await _first_svid(channel)
            return time.monotonic()

    async def messages(self) -> dict[str, str]:
        """Return the first message of each method, in hex."""
        async with self._channel() as channel:
            stream = _stream_secrets(channel)
            await stream.write(subscription())
            return {"x509": (await _first_svid(channel)).hex(), "sds": (await stream.read()).hex()}

    def close(self) -> None:
        """End every stream."""
        for stream in self._streams:
            stream.cancel()

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[aio.Channel]:
        async with aio.insecure_channel(f"unix:{self._address}", CHANNEL_OPTIONS) as channel:
            yield channel

    async def _follow(self, opened: asyncio.Event, gate: asyncio.Semaphore) -> None:
        async with self._channel() as channel:
            stream = _stream_secrets(channel)
            await stream.write(subscription())
            message = await stream.read()
            await stream.write(acknowledgement(message) + self._every_time)
            opened.set()
            gate.release()
            while (message := await stream.read()) is not aio.EOF:
                self._arrived.append(time.monotonic())
                if len(self._arrived) == len(self._streams):
                    self._all_arrived.set()
                await stream.write(acknowledgement(message) + self._every_time)


def _stream_secrets(channel: aio.Channel) -> Any:
    # Without serialisers both directions are bytes, which grpcio's stubs do not know.
    method: Any = channel.stream_stream(STREAM_SECRETS)
    return method()


async def _first_svid(channel: aio.Channel) -> bytes:
    method: Any = channel.unary_stream(FETCH_X509_SVID)
    async with asyncio.timeout(_TIMEOUT):
        call = method(b"", metadata=SECURITY_HEADER)
        message: bytes = await call.read()
        call.cancel()
        return message


def _wait_until_it_accepts(address: str) -> None:
    ends = time.monotonic() + _TIMEOUT
    while time.monotonic() < ends:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(address)
            return
        time.sleep(0.001)
    raise TimeoutError(address)


async def _answer_commands(address: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        client = Client(address, tasks)
        while line := await asyncio.to_thread(sys.stdin.readline):
            name, arguments = json.loads(line)
            command: Callable[..., Awaitable[Any]] = getattr(client, name)
            print(json.dumps(await command(**arguments)), flush=True)
        client.close()


if __name__ == "__main__":
    asyncio.run(_answer_commands(sys.argv[1]))
