"""A daemon with the Docker API, for answers that no real one gives: wrong, slow, or too late."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

ID = "0123456789abcdef" * 4


def described(pid: int, **changes: Any) -> dict[str, Any]:
    """Return how a container is described whose process is ``pid``."""
    return {
        "Id": ID,
        "Name": "/checkout",
        "Image": "sha256:" + "ab" * 32,
        "State": {"Running": True, "Pid": pid, "StartedAt": "2026-11-27T20:47:10.004181594Z"},
        "Config": {"Image": "shop:1", "Labels": {"app": "checkout"}, "Env": ["KEY=secret"]},
        **changes,
    }


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return a whole answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


class FakeEngine:
    """Gives ``answer`` to every question; ``asked`` are the paths of the questions.

    An answer is what to describe, whole bytes, or called each time with the number of the question
    to return either. While ``held`` is clear, questions wait.
    """

    def __init__(self, answer: object = None) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.held = asyncio.Event()
        self.held.set()

    @asynccontextmanager
    async def served(self, path: Path, user: int | None = None) -> AsyncIterator[FakeEngine]:
        """Serve it at ``path``, for the kernel as ``user``."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            with _being(user):
                server = await asyncio.start_unix_server(self._serve, sock=listener)
            async with server:
                yield self
                self.held.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.split()[1].decode())
            await self.held.wait()
            writer.write(self._answer())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self) -> bytes:
        answer = self.answer
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            answer = answer(len(self.asked))  # type: ignore[operator]
        return answer if isinstance(answer, bytes) else http(json.dumps(answer).encode())


@contextmanager
def _being(user: int | None) -> Iterator[None]:
    # The kernel tells clients who called listen.
    if user is None:
        yield
        return
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
