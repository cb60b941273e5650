"""The socket between relay and grpcio serves nobody but the relay."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from support import process_facts
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.hostile import asking
from support.hostile.agent import open_to_all
from support.hostile.asking import RefusedError
from support.hostile.channel import channel
from support.hostile.puppet import connected

_OTHER = 54321
_MINE = "spiffe://prod.example/mine"
_NOBODY = "PERMISSION_DENIED: nobody knows who made this connection"
_ENTRIES = f"""\
trust_domain: prod.example
entries:
  - {{id: /mine, selectors: ["unix:uid:{os.geteuid()}"]}}
  - {{id: /theirs, selectors: ["unix:uid:{_OTHER}"]}}
"""


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentProcess]:
    with open_to_all(_ENTRIES) as running:
        yield running


def inner_socket(agent: AgentProcess) -> Path:
    (path,) = agent.folder.rglob("grpc-*/socket")
    return path


def live_names(agent: AgentProcess) -> set[str]:
    names = {name for name, _ in process_facts.unix_sockets(agent.pid)}
    return {name.removeprefix("@") for name in names if name.startswith("@accredit-")}


def live_name(agent: AgentProcess) -> str:
    """Return the name of the one connection, once those of before have gone."""
    wait_until(lambda: len(live_names(agent)) == 1, 60)
    (name,) = live_names(agent)
    return name


@contextmanager
def inside(agent: AgentProcess, name: bytes = b"") -> Iterator[grpc.Channel]:
    """Speak to the inner socket directly, maybe from a socket with a name."""
    with socket.socket(socket.AF_UNIX) as sock:
        if name:
            sock.bind(b"\0" + name)
        sock.connect(str(inner_socket(agent)))
        with channel(sock) as speaking:
            yield speaking


@pytest.mark.root
@pytest.mark.rows("WE-20")
def test_another_user_cannot_reach_the_inner_socket(agent: AgentProcess) -> None:
    path = inner_socket(agent)
    for folder in path.parents[:2]:  # either would do
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with connected(agent.socket, _OTHER) as (caller, _):
        answer = caller.ask(f"socket.socket(socket.AF_UNIX).connect_ex({str(path)!r})")
        assert int(answer) == errno.EACCES
        assert caller.ask(f"os.access({str(path)!r}, os.F_OK)") == "False"


def test_nothing_of_the_agent_listens_under_an_abstract_name(agent: AgentProcess) -> None:
    names = [name for name, listens in process_facts.unix_sockets(agent.pid) if listens]
    jwks = agent.socket.with_name("jwks.sock")
    expected = {str(path) for path in (agent.socket, jwks, agent.admin_socket, inner_socket(agent))}
    assert set(names) == expected


@pytest.mark.rows("WE-20")
def test_a_direct_connection_to_the_inner_socket_is_nobody(agent: AgentProcess) -> None:
    with connected(agent.socket):
        live = live_name(agent)
        made_up = f"accredit-{secrets.token_hex(16)}"
        for name in ("", made_up, "self", f"{live}\0", f"{live}%00", live[:-1], f" {live}"):
            with (
                inside(agent, name.encode()) as speaking,
                pytest.raises(RefusedError, match=_NOBODY),
            ):
                asking.x509(speaking)


@pytest.mark.rows("WE-20")
def test_the_name_of_a_live_connection_cannot_be_taken_and_later_is_worth_nothing(
    agent: AgentProcess,
) -> None:
    with connected(agent.socket) as (_, sock):
        name = live_name(agent)
        with pytest.raises(OSError, match="Address already in use"), inside(agent, name.encode()):
            pass
        with channel(sock) as speaking:
            assert asking.x509(speaking) == [_MINE]
    wait_until(lambda: name not in live_names(agent), 60)
    with inside(agent, name.encode()) as speaking, pytest.raises(RefusedError, match=_NOBODY):
        asking.x509(speaking)


def test_the_method_of_the_self_test_is_closed(agent: AgentProcess) -> None:
    with connected(agent.socket) as (_, sock), channel(sock) as speaking:
        call: Any = speaking.stream_stream("/accredit.SelfTest/Peer")
        with pytest.raises(grpc.RpcError, match="there is no such method"):
            next(call(iter([b""]), timeout=60))
