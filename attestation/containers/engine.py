"""The Docker API of one daemon, over its socket: bounded in time and size, whoever answers."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from contextlib import aclosing

import httpx

from accredit.attestation.containers.inspected import Inspected, parse_inspected
from accredit.attestation.containers.runtime import Runtime
from accredit.identity.errors import AttestationError, NotFoundError, UnavailableError

_MAX_BODY_BYTES = 4 << 20
_CONNECTIONS = 8
# Nothing here is encrypted; by itself httpx would read all of the system's roots each time.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_CREDENTIALS = struct.Struct("iII")


class Engine:
    """Asks one daemon. Each question has a connection of its own, so nothing is kept to close."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._turns = asyncio.Semaphore(_CONNECTIONS)

    async def inspect(self, container_id: str) -> Inspected:
        """Return what the daemon knows of a container, running or not.

        Raises:
            NotFoundError: it knows no such container.
            AttestationError: it is another user's daemon.
            UnavailableError: it does not answer, or with something else than a container.
        """
        seconds = self.runtime.timeout.total_seconds()
        try:
            async with self._turns, asyncio.timeout(seconds):
                body = await self._get(f"/containers/{container_id}/json", seconds)
        except (TimeoutError, httpx.TimeoutException):
            raise self._unavailable(f"no answer within {seconds:g} seconds") from None
        except httpx.ConnectError as error:
            raise self._unavailable(f"cannot connect: {error}; is it running?") from error
        except httpx.HTTPError as error:
            reason = str(error)[:200] or type(error).__name__
            raise self._unavailable(f"no HTTP answer: {reason}") from error
        if body is None:
            raise NotFoundError(f"{self.runtime} knows no container {container_id}")
        return self._parsed(container_id, body)

    async def _get(self, path: str, seconds: float) -> bytes | None:
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
        request = httpx.Request(
            "GET", f"http://localhost{path}", headers=_HEADERS, extensions={"timeout": timeouts}
        )
        # A proxy of the environment is for the web, and so is the client around a transport: it
        # looks at cookies and redirections before anybody knows whose they are.
        place = str(self.runtime.socket)
        carrier = httpx.AsyncHTTPTransport(uds=place, verify=_NO_TLS, trust_env=False)
        async with carrier, aclosing(await carrier.handle_async_request(request)) as answer:
            self._require_owner(answer)
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            if answer.status_code != httpx.codes.OK:
                raise self._unavailable(f"HTTP status {answer.status_code}")
            return await self._body(answer)

    async def _body(self, answer: httpx.Response) -> bytes:
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > _MAX_BODY_BYTES:
                raise self._unavailable(f"an answer of more than {_MAX_BODY_BYTES} bytes")
        return bytes(body)

    def _parsed(self, container_id: str, body: bytes) -> Inspected:
        try:
            found = parse_inspected(body)
        except ValueError as error:
            raise self._unavailable(f"not a container's description: {error}") from error
        # The API takes names and beginnings of ids as well.
        if found.id != container_id:
            raise self._unavailable(f"described another container than {container_id}")
        return found

    def _require_owner(self, answer: httpx.Response) -> None:
        served: socket.socket = answer.extensions["network_stream"].get_extra_info("socket")
        raw = served.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        owner = _CREDENTIALS.unpack(raw)[1]
        if owner != self.runtime.owner:
            raise AttestationError(
                f"{self.runtime} is served by user {owner}, not {self.runtime.owner}: whoever "
                "serves it may say anything"
            )

    def _unavailable(self, reason: str) -> UnavailableError:
        return UnavailableError(f"{self.runtime}: {reason}")


# Undecoded, a body is no larger than what was received.
_HEADERS = {"Accept-Encoding": "identity", "Accept": "application/json", "Connection": "close"}
