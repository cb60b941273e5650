"""Asks a running agent over its admin socket. Synchronous: a command asks once and prints."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from accredit.identity.errors import RequestError, UnavailableError

_MAX_ANSWER_BYTES = 256 * 1024 * 1024


def ask(path: Path, method: str, *, timeout: float = 10, **params: object) -> Any:
    """Return the result of ``method``; ``timeout`` is in seconds.

    Raises:
        UnavailableError: no agent answers at ``path``.
        RequestError: the agent refused, with its own words.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
            connection.sendall(json.dumps({"method": method, "params": params}).encode() + b"\n")
            line = _read_line(connection)
        except OSError as error:
            raise UnavailableError(_cannot_reach(path, error)) from None
    return _result(line, path)


def _read_line(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as stream:
        return stream.readline(_MAX_ANSWER_BYTES)


def _result(line: bytes, path: Path) -> Any:
    if not line.endswith(b"\n"):
        raise UnavailableError(f"{path}: the agent closed the connection; see its log")
    answer = json.loads(line)
    if "error" in answer:
        raise RequestError(answer["error"]["message"])
    return answer["result"]


def _elsewhere() -> str:
    # Every user has a default place of its own.
    return "" if os.geteuid() == 0 else "; ask as root, if it is root's or another user's"


def _cannot_reach(path: Path, error: OSError) -> str:
    match error:
        case FileNotFoundError() | ConnectionRefusedError():
            return f"{path}: no agent is running here" + _elsewhere()
        case PermissionError():
            return f"{path}: only root and the agent's own user may administer it"
        case TimeoutError():
            return f"{path}: the agent did not answer in time"
        case _:
            return f"{path}: {(error.strerror or str(error)).lower()}"
