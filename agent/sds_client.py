"""A client of any SDS server, which asks as an Envoy would: what ``accredit sds`` uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import SystemRandom

import grpc.aio

from accredit.agent.grpc_client import open_channel, send, translate
from accredit.agent.sds_dialect import Question, Update, begin
from accredit.agent.sds_reading import ReceivedSecret
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError, RequestError, ResponseError, UnavailableError
from accredit.rotation.schedule import Backoff
from accredit.workload_api.endpoint import Endpoint
from accredit.workload_api.held import Reaction, Retries, reaction

_SERVICE = "/envoy.service.secret.v3.SecretDiscoveryService/"
_BACKOFF = Backoff()


def _random_jitter() -> float:
    return SystemRandom().uniform(-1, 1)


@dataclass(slots=True)
class Fetched:
    """What has come so far for ``names``; ``problems`` are messages and names that were refused.

    ``refused`` are those that the server refused though each was asked for by itself.
    """

    names: tuple[str, ...]
    secrets: dict[str, ReceivedSecret] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names that have not come and still might."""
        return tuple(name for name in self.names if name not in {*self.secrets, *self.removed})

    @property
    def complete(self) -> bool:
        """Whether there is nothing to wait for; without names, whether anything came."""
        return not self.missing if self.names else bool(self.secrets)

    def add(self, update: Update) -> None:
        """Take a message into account."""
        came = {secret.name: secret for secret in update.secrets}
        self.secrets |= came
        self.removed = [name for name in (*self.removed, *update.removed) if name not in came]
        if update.problem:
            self.problems.append(update.problem)


class SdsClient:
    """Asks one server one question.

    Raises RequestError, NotEntitledError, UnimplementedError or UnavailableError for what the
    server answers, and ResponseError for what is no answer at all.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        question: Question,
        *,
        backoff: Backoff = _BACKOFF,
        jitter: Callable[[], float] = _random_jitter,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._question = question
        self._backoff = backoff
        self._jitter = jitter

    async def fetch(self, patience: timedelta) -> Fetched:
        """Return once everything has come, or with what has after ``patience``.

        What is refused as a whole is asked for one by one, as Envoy does: SPIRE refuses all names
        of a stream for one of them, and ``ROOTCA`` beside ``ALL``.
        """
        fetched = Fetched(self._question.names)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience.total_seconds()):
                try:
                    await self._collect(self._question, fetched)
                except RequestError:
                    if len(fetched.names) < 2:
                        raise
                    await self._collect_each(fetched)
        return fetched

    async def _collect_each(self, fetched: Fetched) -> None:
        async def collect(name: str) -> None:
            try:
                await self._collect(replace(self._question, names=(name,)), fetched)
            except AccreditError as error:
                fetched.problems.append(str(error))
                fetched.refused.append(name)

        async with asyncio.TaskGroup() as tasks:
            for name in fetched.names:
                tasks.create_task(collect(name), name=f"secret {name}")

    async def _collect(self, question: Question, fetched: Fetched) -> None:
        wanted = Fetched(question.names)
        async with aclosing(self._updates(question)) as updates:
            async for update in updates:
                fetched.add(update)
                wanted.add(update)
                if wanted.complete:
                    return

    async def watch(self) -> AsyncGenerator[Update, None]:
        """Yield each message, over new streams as they break; raises once that is of no use."""
        retries = Retries(self._backoff)
        while True:
            since: float | None = None
            try:
                async with aclosing(self.updates()) as updates:
                    async for update in updates:
                        since = since or self._clock.monotonic()
                        yield update
            except AccreditError as error:
                if (after := reaction(error)) is Reaction.STOP:
                    raise
                yield Update(problem=str(error))
                lasted = self._clock.monotonic() - since if since else 0.0
                wait = retries.wait(after, lasted, self._jitter())
                await self._clock.sleep_until(self._clock.now() + wait)

    def updates(self) -> AsyncGenerator[Update, None]:
        """Yield each message of one stream, accepted or refused by then; never just ends."""
        return self._updates(self._question)

    async def _updates(self, question: Question) -> AsyncGenerator[Update, None]:
        talk = begin(question)
        place = f"{talk.method} at {self._endpoint}"
        async with open_channel(self._endpoint) as channel:
            start: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
            start = channel.stream_stream(_SERVICE + talk.method)
            call = start()
            try:
                await send(call, talk.first())
                # Iterating over the call would make it part of a reference cycle.
                while isinstance(message := await call.read(), bytes):
                    update, answer = talk.hear(message)
                    await send(call, answer)
                    yield update
            except grpc.aio.AioRpcError as error:
                raise translate(error, place) from None
            except ResponseError as error:
                raise ResponseError(f"{self._endpoint}: {error}") from None
            finally:
                call.cancel()
        raise UnavailableError(f"{place}: the server has ended the stream")
