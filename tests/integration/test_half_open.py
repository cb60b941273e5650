"""Connections that ask for nothing, ask nonsense, or are too many: the others are served."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support import process_facts, raw_http2
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.hostile import asking
from support.hostile.agent import (
    memory_back,
    nothing_left_open,
    open_to_all,
    require_served,
)
from support.hostile.channel import channel
from support.hostile.puppet import connected, puppet
from support.raw_http2 import DATA, SETTINGS, frame, literal, request

_OTHER = 54321
_MINE = "spiffe://prod.example/mine"
_CONFIG = f"""\
trust_domain: prod.example
entries:
  - {{id: /mine, selectors: ["unix:uid:{os.geteuid()}"]}}
  - {{id: /theirs, selectors: ["unix:uid:{_OTHER}"]}}
limits: """
_FETCH = b"/SpiffeWorkloadAPI/FetchX509SVID"
_BEGIN = raw_http2.PREFACE + frame(SETTINGS, 0, 0)
_HEADER = literal(b"workload.spiffe.io", b"true")
_HALF_OPEN = {
    "silence": b"",
    "half a preface": _BEGIN[:10],
    "a preface": _BEGIN,
    "a request without its message": _BEGIN + request(_FETCH, 1, _HEADER),
    "half a message": _BEGIN + request(_FETCH, 1, _HEADER) + frame(DATA, 0, 1, b"\0\0\1\0\0half"),
}
_MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentProcess]:
    with open_to_all(f"{_CONFIG}{{}}") as running:
        yield running


@pytest.mark.root
@pytest.mark.slow
def test_ten_thousand_half_open_connections_of_one_user_are_no_harm_to_another() -> None:
    with (
        open_to_all(f"{_CONFIG}{{connections_per_uid: 1000, first_request: 5m}}") as agent,
        memory_back(agent, 64 * _MEBIBYTE),
        nothing_left_open(agent, 30),
        puppet(agent.socket, uid=_OTHER) as attacker,
    ):
        for batch in range(40):
            said = list(_HALF_OPEN.values())[batch % len(_HALF_OPEN)]
            attacker.ask(f"flood(250, {said!r})")
            if batch % 4 == 3:
                require_served(agent)  # who comes later is accepted later
                assert int(attacker.ask("count_open()")) == 1000
        assert process_facts.memory(agent.pid) < 400 * _MEBIBYTE
        attacker.ask("let_go()")


def test_connections_without_a_request_are_closed_in_time() -> None:
    with (
        open_to_all(f"{_CONFIG}{{first_request: 5s}}") as agent,
        connected(agent.socket) as (_, sock),
        channel(sock) as speaking,
    ):
        answers = asking.watch(speaking)
        assert next(answers) == [_MINE]
        with nothing_left_open(agent), puppet(agent.socket) as caller:
            for said in _HALF_OPEN.values():
                caller.ask(f"flood(50, {said!r})")
            assert int(caller.ask("count_open()")) == 50 * len(_HALF_OPEN)
            wait_until(lambda: caller.ask("count_open()") == "0", 60)
        assert asking.x509(speaking) == [_MINE]  # who has asked may stay


def test_a_user_with_as_many_connections_as_it_may_gets_the_next_when_one_ends() -> None:
    with (
        open_to_all(f"{_CONFIG}{{connections_per_uid: 20}}") as agent,
        puppet(agent.socket) as caller,
    ):
        caller.ask("flood(19)")
        require_served(agent)
        caller.ask("flood(100)")
        wait_until(lambda: int(caller.ask("count_open()")) == 20)
        caller.ask("held.pop().close()")
        wait_until(lambda: accepts(agent))


def accepts(agent: AgentProcess) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(agent.socket))
        return bool(sock.recv(1))


# Out of descriptors


@contextmanager
def room_for(agent: AgentProcess, files: int) -> Iterator[None]:
    """Let the agent open so many files more and no others."""
    limits = resource.prlimit(agent.pid, resource.RLIMIT_NOFILE)
    taken = process_facts.open_files(agent.pid)
    free = [number for number in range(limits[0]) if str(number) not in taken]
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (free[files], limits[1]))
    try:
        yield
    finally:
        resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, limits)


def share_of_a_processor(agent: AgentProcess, seconds: float) -> float:
    before = process_facts.processor_seconds(agent.pid)
    time.sleep(seconds)
    return (process_facts.processor_seconds(agent.pid) - before) / seconds


@pytest.mark.parametrize("room", range(7))  # each is a different step at which it runs out
def test_out_of_descriptors_it_waits_without_spinning_and_goes_on_later(
    agent: AgentProcess, room: int
) -> None:
    with (
        connected(agent.socket) as (_, sock),
        channel(sock) as speaking,
        puppet(agent.socket) as caller,
    ):
        answers = asking.watch(speaking, seconds=60)
        assert next(answers) == [_MINE]
        with nothing_left_open(agent, 20):
            with room_for(agent, room):
                caller.ask(f"flood(30, {_BEGIN!r})")
                assert share_of_a_processor(agent, 1.5) < 0.5
            require_served(agent)
            assert asking.x509(speaking) == [_MINE]
            caller.ask("let_go()")
    assert "no connections are accepted for now" in agent.log.read_text() or room


def test_out_of_descriptors_it_goes_on_as_soon_as_others_have_gone(agent: AgentProcess) -> None:
    with (
        puppet(agent.socket) as caller,
        nothing_left_open(agent),
        room_for(agent, 60),
    ):
        caller.ask(f"flood(40, {_BEGIN!r})")
        assert share_of_a_processor(agent, 2) < 0.5
        caller.ask("let_go()")
        wait_until(lambda: accepts(agent))
        require_served(agent)
