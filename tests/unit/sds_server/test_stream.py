from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest
from support.ca import TestCa
from support.snapshots import snapshot

from accredit.identity.errors import RequestError, UnavailableError
from accredit.rotation.snapshot import Snapshot
from accredit.sds_server.stream import Stream

CA = TestCa()


class Said:
    """A session that says how many requests it has seen, whenever that differs."""

    def __init__(self) -> None:
        self.seen = self.said = 0

    def receive(self, request: str) -> None:
        if request == "bad":
            raise RequestError("a bad request")
        self.seen += 1

    def message(self, state: Snapshot) -> bytes | None:
        assert state.trust_domain == CA.trust_domain
        if self.said == self.seen:
            return None
        self.said = self.seen
        return b"%d" % self.said


async def states(error: Exception | None = None) -> AsyncGenerator[Snapshot, None]:
    yield snapshot(CA)
    if error:
        raise error
    await asyncio.Event().wait()


async def requests(*texts: str, last: bool = False) -> AsyncIterator[str]:
    for text in texts:
        yield text
    if not last:
        await asyncio.Event().wait()


def stream(said: AsyncIterator[str], error: Exception | None = None) -> Stream[str]:
    return Stream(said, lambda: states(error), Said(), 5)


async def test_it_answers_until_the_client_has_nothing_more_to_say() -> None:
    heard = [each async for each in stream(requests("a", "b", last=True)).messages()]
    assert heard == [b"1", b"2"]
    assert len(asyncio.all_tasks()) == 1


async def test_leaving_it_ends_both_inputs() -> None:
    async with aclosing(stream(requests("a", "b")).messages()) as messages:
        assert await anext(messages) == b"1"
    assert len(asyncio.all_tasks()) == 1


async def test_cancelling_it_ends_both_inputs() -> None:
    async def listen() -> None:
        async for _ in stream(requests("a")).messages():
            heard.set()

    heard = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(listen())
        await heard.wait()
        listening.cancel()
    assert listening.cancelled()
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize(
    ("said", "error", "expected"),
    [
        (("bad",), None, RequestError("a bad request")),
        ((), UnavailableError("stopping"), UnavailableError("stopping")),
    ],
)
async def test_an_error_of_either_input_arrives_as_it_is(
    said: tuple[str, ...], error: Exception | None, expected: Exception
) -> None:
    with pytest.raises(type(expected), match=str(expected)):
        await anext(stream(requests(*said), error).messages())
    assert len(asyncio.all_tasks()) == 1


async def test_a_bug_in_an_input_is_not_taken_for_an_answer() -> None:
    with pytest.raises(ExceptionGroup) as found:
        await anext(stream(requests(), ZeroDivisionError()).messages())
    assert isinstance(found.value.exceptions[0], ZeroDivisionError)


async def test_requests_that_are_cut_off_end_it() -> None:
    async def cut_off() -> AsyncIterator[str]:
        yield "a"
        raise asyncio.CancelledError

    async with asyncio.timeout(30):
        heard = [each async for each in stream(cut_off()).messages()]
    assert heard == [b"1"]


async def test_nothing_is_made_while_the_last_message_has_not_been_taken() -> None:
    session = Said()
    running = Stream(requests("a", "b", "c"), states, session, 5)
    async with aclosing(running.messages()) as messages:
        assert await anext(messages) == b"1"
        for _ in range(20):
            await asyncio.sleep(0)
        assert session.seen == 1
        assert await anext(messages) == b"2"


async def test_a_nudge_makes_it_look_again() -> None:
    session = Said()
    running = Stream(requests("a"), states, session, 5)
    async with asyncio.timeout(30), aclosing(running.messages()) as messages:
        assert await anext(messages) == b"1"
        session.said = 0
        running.nudge()
        assert await anext(messages) == b"1"
