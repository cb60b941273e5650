"""grpcio's server, made to answer the methods that were registered and to refuse all others itself.

As it comes, one request of any local user ends it: grpcio decodes the path of every request that no
registered method has, and a path that is not UTF-8 raises in its main loop. Here those requests
never reach that loop. This leans on names grpcio does not promise, so the transport's self test
makes such a request at every start, before anyone is served.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import grpc
from grpc import aio
from grpc._cython import cygrpc  # type: ignore[attr-defined]


class RegisteredOnly(cygrpc.AioServer):  # type: ignore[misc]
    """Serves ``handlers``, by path; what it starts for other requests runs in ``tasks``."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]],
        options: Sequence[tuple[str, int]],
    ) -> None:
        self._tasks = tasks
        self._running = asyncio.get_running_loop()
        super().__init__(self._running, None, (), None, tuple(options), None)
        self.add_registered_method_handlers(dict(handlers))

    async def _request_call(self) -> NoReturn:
        """Refuse what no registered method has, and never return it to grpcio."""
        while True:
            call = await super()._request_call()
            self._tasks.create_task(self._refuse(call), name="refusal")

    async def _refuse(self, call: Any) -> None:
        context = cygrpc._ServicerContext(call, None, None, self._running)  # noqa: SLF001
        with suppress(aio.BaseError):  # abort() raises when it is done, too
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "there is no such method")


def be_quiet() -> None:
    """Keep what callers send out of the logs, where any of them could fill a disk with it.

    grpcio writes a line, some with a stack, for each bad header of each request. Effective only
    before it is first used.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    logging.getLogger("grpc._cython.cygrpc").setLevel(logging.CRITICAL)
