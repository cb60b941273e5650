"""What is written to a pipe that nobody reads for a while, for ever, or any more."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from support import threads

from accredit.agent.outlet import Outlet
from accredit.identity.errors import UnavailableError

_LINE = "x" * 999 + "\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue  # the test has closed it


def outlet(descriptor: int, most_bytes: int = 1 << 20, patience: float = 60) -> Outlet:
    return Outlet(descriptor, lambda count: f"{count} lost\n".encode(), most_bytes, patience)


def test_what_is_written_arrives_in_order(pipe: tuple[int, int]) -> None:
    writer = outlet(pipe[1])
    writer.write("first\n")
    writer.write_bytes(b"second\n")
    writer.write("\udcff\n")
    writer.drain()
    assert os.read(pipe[0], 100) == b"first\nsecond\n\\udcff\n"


def test_what_finds_room_is_there_at_once(pipe: tuple[int, int]) -> None:
    writer = outlet(pipe[1])
    os.set_blocking(pipe[0], False)
    for _ in range(200):  # no thread is as fast each time
        writer.write("now\n")
        assert os.read(pipe[0], 100) == b"now\n"


def test_nobody_waits_for_a_pipe_that_is_full_and_what_was_lost_is_told_last(
    pipe: tuple[int, int],
) -> None:
    writer = outlet(pipe[1], most_bytes=100_000)
    for _ in range(1000):
        writer.write(_LINE)
    with os.fdopen(pipe[0], "rb", closefd=False) as reader:
        # As much as may wait, and what was in the pipe by then: at least that is there.
        lines = [reader.readline() for _ in range(100)]
        while not (line := reader.readline()).endswith(b"lost\n"):
            lines.append(line)
        assert set(lines) == {_LINE.encode()}
        assert int(line.split()[0]) == 1000 - len(lines)
        writer.write("after\n")
        assert reader.readline() == b"after\n"


def test_the_end_waits_no_longer_than_the_patience(pipe: tuple[int, int]) -> None:
    writer = outlet(pipe[1], patience=0.01)
    writer.write("x" * 500_000)
    writer.drain()
    found = len(os.read(pipe[0], 500_000))
    assert found < 500_000
    while found < 500_000:  # or its thread goes on in a pipe of the next test
        found += len(os.read(pipe[0], 500_000))


def test_a_reader_that_has_gone_is_no_harm_and_another_hears_of_it(pipe: tuple[int, int]) -> None:
    writer = outlet(pipe[1])
    os.close(pipe[0])
    writer.write("unheard\n")
    writer.drain()
    reading, writing = os.pipe()
    os.dup2(writing, pipe[1])
    writer.write("heard\n")
    writer.drain()
    os.close(writing)
    assert os.read(reading, 100) == b"heard\n1 lost\n"
    os.close(reading)


def test_an_open_file_that_another_has_made_non_blocking_loses_nothing(
    pipe: tuple[int, int],
) -> None:
    os.set_blocking(pipe[1], False)
    writer = outlet(pipe[1])
    writer.write(_LINE * 300)
    with os.fdopen(pipe[0], "rb", closefd=False) as reader:
        assert reader.read(300_000) == (_LINE * 300).encode()


def test_without_a_thread_it_is_unavailable(pipe: tuple[int, int]) -> None:
    with threads.none_starts(), pytest.raises(UnavailableError, match="no thread for the log"):
        outlet(pipe[1])
