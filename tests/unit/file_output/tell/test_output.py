from __future__ import annotations

import os

from support.ca import TestCa
from support.eventually import eventually

from accredit.file_output.tell.output import Pipe, Tail


def text(*pieces: bytes) -> str:
    tail = Tail()
    for piece in pieces:
        tail.add(piece)
    return tail.text()


def test_the_end_of_a_long_output_is_kept_as_one_line() -> None:
    assert text(b"one\n", b"two\t\x1b[31mthree\n") == "one two [31mthree"
    long = text(*[b"x" * 1000] * 100, b" the end")
    assert len(long) < 700
    assert long.startswith("...")
    assert long.endswith("the end")


def test_secrets_in_it_are_masked() -> None:
    key = TestCa().svid().key_pem
    assert text(b"bad key: ", key, b" see?") == "bad key: [redacted] see?"


async def test_what_a_child_writes_is_read_and_nobody_waits_for_its_end() -> None:
    pipe = Pipe()
    child = os.dup(pipe.writing)
    pipe.started()
    os.write(child, b"hello")
    await eventually(lambda: pipe.tail.text() == "hello")
    os.write(child, b" again")
    pipe.close()
    assert pipe.tail.text() == "hello again"
    os.close(child)
    pipe.close()


async def test_the_end_of_output_is_the_end() -> None:
    pipe = Pipe()
    os.write(pipe.writing, b"x")
    pipe.started()
    await eventually(lambda: pipe.tail.text() == "x")
    pipe.close()
