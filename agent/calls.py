"""Serving one call, whatever carries it: who asks, may it, what is said, how it ends.

The caller is checked, counted, handed to the method's generator, and checked again before the
first answer leaves. At most one message is on its way: the generator is not asked for the next
before the last has been sent.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple, cast

from google.protobuf.message import DecodeError

from accredit.agent.seam import Connection
from accredit.identity.errors import AccreditError
from accredit.rotation.delivery import Call, Method, Shape

_logger = logging.getLogger(__name__)

_MAX_DETAILS = 1000

Metadata = Mapping[str, tuple[str, ...]]
Send = Callable[[bytes], Awaitable[None]]


class Status(NamedTuple):
    """How a call ended: the name of a gRPC code, and a sentence for people."""

    code: str
    details: str = ""


OK = Status("OK")
STOPPING = Status("UNAVAILABLE", "the agent is stopping")


async def serve(
    method: Method,
    connection: Connection,
    requests: AsyncIterator[bytes],
    metadata: Metadata,
    send: Send,
) -> Status:
    """Answer one call through ``send``; cancel this to end it early."""
    try:
        connection.stream_began()
        try:
            await _answer(method, connection, requests, metadata, send)
        finally:
            connection.stream_ended()
    except AccreditError as error:
        return Status(error.status, str(error)[:_MAX_DETAILS])
    except DecodeError:
        return Status("INVALID_ARGUMENT", f"the request is no message of {method.name}")
    except Exception as error:  # noqa: BLE001  a bug must cost one call and tell nobody anything
        _logger.error("method failed", extra={"method": method.name, **_place_of(error)})  # noqa: TRY400
        return Status("INTERNAL", "internal error")
    return OK


async def _answer(
    method: Method,
    connection: Connection,
    requests: AsyncIterator[bytes],
    metadata: Metadata,
    send: Send,
) -> None:
    caller = connection.workload.caller
    caller.require_same()
    decoded = _decoded(method, requests)
    answers = cast("Any", method.handler(decoded, Call(connection.workload, metadata)))
    async with aclosing(answers):
        answered = False
        async for answer in answers:
            if not answered:
                # What was true when it asked must still be true when it is told.
                caller.require_same()
            elif method.shape is Shape.UNARY:
                raise RuntimeError(f"{method.name} answered twice")
            answered = True
            await send(answer)
    if method.shape is Shape.UNARY and not answered:
        raise RuntimeError(f"{method.name} did not answer")


async def _decoded(method: Method, requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for request in requests:
        yield method.decode(request)


def _place_of(error: Exception) -> dict[str, str]:
    """Describe a bug without its text, which may quote what was sent."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__name__, "where": " < ".join(reversed(places))}
