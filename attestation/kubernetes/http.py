"""One bounded GET over HTTP or HTTPS, and in words what may go wrong with it."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from accredit.identity.errors import UnavailableError

_MOST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body; ``words`` are the begin of the latter, for a person."""

    status: int
    body: bytes

    @property
    def words(self) -> str:
        """What a server says of a failure, on one printable line."""
        text = " ".join(self.body[: 4 * _MOST_WORDS].decode("utf-8", "replace").split())
        return "".join(each for each in text if each.isprintable())[:_MOST_WORDS]


class Http:
    """Keeps a connection to one server, as long as the TLS context stays the same.

    ``name`` is what the server's certificate is to be made out to, where that is not its address.
    ``what`` is how messages call the server.
    """

    def __init__(
        self, url: str, what: str, timeout: timedelta, max_bytes: int, name: str | None = None
    ) -> None:
        self._url = url
        self._what = f"{what} at {url}"
        self._seconds = timeout.total_seconds()
        self._max_bytes = max_bytes
        self._extensions: dict[str, Any] = {
            "timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._seconds),
            **({"sni_hostname": name} if name else {}),
        }
        self._context: ssl.SSLContext | None = None
        self._transport: httpx.AsyncHTTPTransport | None = None

    async def get(self, path: str, context: ssl.SSLContext | None, token: str | None) -> Answer:
        """Return what the server says to a GET of ``path``.

        Raises:
            UnavailableError: it cannot be reached or verified, is too slow, or says too much.
        """
        # A compressed body could be a thousand times what was counted.
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        url = f"{self._url}{path}"
        try:
            request = httpx.Request("GET", url, headers=headers, extensions=self._extensions)
        except (httpx.InvalidURL, UnicodeError) as error:  # the latter for odd international names
            raise UnavailableError(f"{self._what} has no address one could ask: {error}") from None
        transport = await self._connected(context)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._answer(await transport.handle_async_request(request))
        except (TimeoutError, httpx.TimeoutException):
            reason = f"gives no answer within {self._seconds:g} seconds"
            raise UnavailableError(f"{self._what} {reason}") from None
        except (httpx.HTTPError, OSError) as error:  # bare TLS errors come through httpx
            raise UnavailableError(f"{self._what} {_reason(error)}") from None

    async def _answer(self, response: httpx.Response) -> Answer:
        try:
            return Answer(response.status_code, await self._body(response))
        finally:
            await response.aclose()

    async def _body(self, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise UnavailableError(f"{self._what} sends a compressed body, which nobody asked for")
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > self._max_bytes:
                raise UnavailableError(f"{self._what} answers with over {self._max_bytes} bytes")
        return bytes(body)

    async def _connected(self, context: ssl.SSLContext | None) -> httpx.AsyncHTTPTransport:
        transport = self._transport
        if transport is None or context is not self._context:
            before, transport = transport, _new_transport(context)
            self._transport, self._context = transport, context
            if before is not None:
                await before.aclose()
        return transport

    async def close(self) -> None:
        """Give back the connections."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()


def _new_transport(context: ssl.SSLContext | None) -> httpx.AsyncHTTPTransport:
    # Without the client around it: that keeps cookies and looks for redirections, and stumbles over
    # odd ones. The environment could bring in a proxy.
    return httpx.AsyncHTTPTransport(
        verify=context or False,
        trust_env=False,
        limits=httpx.Limits(max_connections=8, max_keepalive_connections=1),
    )


def _reason(error: BaseException) -> str:
    """Return what went wrong with a request, in words."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case ssl.SSLCertVerificationError():
                return f"is not verified: {cause.verify_message}"
            case ssl.SSLError():
                words = (cause.reason or "broken off").lower().replace("_", " ")
                return f"cannot be talked to over TLS: {words}"
            case OSError():
                return f"cannot be reached: {(cause.strerror or str(cause)).lower()}"
            case _:
                pass
        cause = cause.__cause__ or cause.__context__
    return f"answers with no HTTP: {str(error).lower()}"
