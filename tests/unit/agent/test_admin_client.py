"""Asking an agent that is not there, or not well."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from accredit.agent.admin_client import ask
from accredit.identity.errors import RequestError, UnavailableError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "admin.sock"


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[None]:
    """Answer one request with some bytes, then close."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def test_the_result_is_returned(path: Path) -> None:
    with answering(path, b'{"result": [1]}\n'):
        assert ask(path, "status") == [1]


def test_a_refusal_is_raised_in_the_agents_words(path: Path) -> None:
    refusal = b'{"error": {"status": "INVALID_ARGUMENT", "message": "no entry"}}\n'
    with answering(path, refusal), pytest.raises(RequestError, match=r"^no entry$"):
        ask(path, "entry")


@pytest.mark.parametrize("answer", [b"", b'{"result": '])
def test_a_connection_that_ends_too_early_is_no_answer(path: Path, answer: bytes) -> None:
    with (
        answering(path, answer),
        pytest.raises(UnavailableError, match="the agent closed the connection; see its log"),
    ):
        ask(path, "status")


def test_where_no_agent_runs_that_is_said(path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"admin\.sock: no agent is running here"):
        ask(path, "status")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with pytest.raises(UnavailableError, match=r"admin\.sock: no agent is running here"):
        ask(path, "status")


def test_a_user_is_told_that_others_have_agents_elsewhere(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(UnavailableError, match=r"no agent is running here$"):
        ask(path, "status")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UnavailableError, match="no agent is running here; ask as root, if it is"):
        ask(path, "status")


def test_a_path_that_cannot_be_a_socket_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"\(?AF_UNIX path too long|x{9}"):
        ask(tmp_path / ("x" * 200), "status")


def test_an_agent_that_does_not_answer_is_given_up(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(UnavailableError, match="the agent did not answer in time"):
            ask(path, "status", timeout=0.05)
