"""One stream in motion: requests and states are merged, one message at a time goes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Generic, Protocol, TypeVar

from accredit.identity.errors import AccreditError, RequestError
from accredit.rotation.snapshot import Snapshot
from accredit.sds_server.mailbox import Mailbox

R_contra = TypeVar("R_contra", contravariant=True)
R = TypeVar("R")


class Session(Protocol[R_contra]):
    """What a stream does with its two inputs."""

    def receive(self, request: R_contra) -> None:
        """Take a request in."""
        ...

    def message(self, snapshot: Snapshot) -> bytes | None:
        """Return what is to be sent in this state, or None."""
        ...


class Stream(Generic[R]):
    """Runs a session over one stream of requests and one of states.

    A message is only made when the one before has been taken, from the state at that moment: a slow
    reader skips states, and nothing is ever queued.
    """

    def __init__(
        self,
        requests: AsyncIterator[R],
        watch: Callable[[], AsyncGenerator[Snapshot, None]],
        session: Session[R],
        first_request_seconds: float,
    ) -> None:
        self._requests = requests
        self._watch = watch
        self._session = session
        self._first_request_seconds = first_request_seconds
        self._mail: Mailbox[R] = Mailbox()
        self.nudge = self._mail.nudge

    async def messages(self) -> AsyncGenerator[bytes, None]:
        """Yield messages until the client has nothing more to say.

        Raises:
            AccreditError: from either input, or for a request that breaks the protocol.
        """
        async with asyncio.TaskGroup() as tasks:
            children = [tasks.create_task(each) for each in (self._read(), self._follow())]
            try:
                while not self._mail.ended:
                    await self._mail.wait()
                    while (message := self._step()) is not None:
                        yield message
            except GeneratorExit:
                # Nobody reads any more; a TaskGroup would wrap this in a group of its own.
                self._mail.end()
            except AccreditError as error:
                self._mail.end(error)
            finally:
                for child in children:
                    child.cancel()
        if self._mail.error is not None:
            raise self._mail.error

    def _step(self) -> bytes | None:
        snapshot = self._mail.snapshot
        # A request is left where it is until it can be answered: what a client said before it
        # closed its half of the stream counts.
        if snapshot is None or self._mail.error is not None:
            return None
        if (request := self._mail.take()) is not None:
            self._session.receive(request)
        return self._session.message(snapshot)

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(self._first_request_seconds) as deadline:
                async for request in self._requests:
                    deadline.reschedule(None)
                    await self._mail.put(request)
        except TimeoutError:
            self._mail.end(RequestError(f"no request in {self._first_request_seconds} seconds"))
        except AccreditError as error:
            self._mail.end(error)
        finally:
            self._mail.end()

    async def _follow(self) -> None:
        try:
            async with aclosing(self._watch()) as snapshots:
                async for snapshot in snapshots:
                    self._mail.publish(snapshot)
        except AccreditError as error:
            self._mail.end(error)
