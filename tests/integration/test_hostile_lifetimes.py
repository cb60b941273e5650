"""Whoever dies, is replaced, execs or lets go of its connection is not served any more."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import needs, raw_http2
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.hostile import asking
from support.hostile.agent import nothing_left_open, open_to_all
from support.hostile.asking import RefusedError, SecretStream
from support.hostile.channel import channel
from support.hostile.puppet import connected, puppet

_ME = os.geteuid()
_OTHER = 54321
_MINE = "spiffe://prod.example/mine"
_THEIRS = "spiffe://prod.example/theirs"
_ENTRIES = f"""\
trust_domain: prod.example
attestation: {{unix: {{discover_path: true}}}}
entries:
  - {{id: /mine, selectors: ["unix:uid:{_ME}"], hint: mine}}
  - {{id: /theirs, selectors: ["unix:uid:{_OTHER}"], hint: theirs}}
  - {{id: /sleep, selectors: ["unix:path:{Path("/bin/sleep").resolve()}"]}}
"""
_LATER = """\
  - {{id: /later, selectors: ["unix:uid:{uid}"]}}
"""
_FETCH = b"/SpiffeWorkloadAPI/FetchX509SVID"
_ASK = b"".join(
    (
        raw_http2.PREFACE + raw_http2.frame(raw_http2.SETTINGS, 0, 0),
        raw_http2.request(_FETCH, 1, raw_http2.literal(b"workload.spiffe.io", b"true")),
        raw_http2.message(b""),
    )
)
_EXITED = r"PERMISSION_DENIED: caller \d+ has exited"
needs_root = pytest.mark.root


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentProcess]:
    with open_to_all(_ENTRIES) as running:
        yield running


@pytest.fixture
def own_agent() -> Iterator[AgentProcess]:
    """An agent whose entries a test may change."""
    with open_to_all(_ENTRIES) as running:
        yield running


@contextmanager
def paused(agent: AgentProcess) -> Iterator[None]:
    """Keep the agent from accepting meanwhile; the kernel lets callers connect all the same."""
    agent.send(signal.SIGSTOP)
    try:
        yield
    finally:
        agent.send(signal.SIGCONT)


def add_entry(agent: AgentProcess, uid: int) -> None:
    agent.config.write_text(agent.config.read_text() + _LATER.format(uid=uid))
    agent.send(signal.SIGHUP)


def says_nothing(sock: socket.socket) -> bool:
    """Tell whether the agent closed the connection without a byte."""
    sock.settimeout(60)
    with sock:
        return not sock.recv(1)


# A process id used again


@needs_root
@pytest.mark.rows("WC-05")
@pytest.mark.parametrize("successor", [_OTHER, _ME], ids=["the same user", "another user"])
def test_a_successor_with_the_same_pid_has_no_part_in_the_connection(
    agent: AgentProcess, successor: int
) -> None:
    needs.root()
    with puppet(agent.socket) as parent:
        pid = int(parent.ask(f"child({_OTHER}, connect)"))
        with channel(parent.handed_over()) as speaking:
            assert asking.x509(speaking) == [_THEIRS]
            parent.ask(f"reap({pid})")
            assert int(parent.ask(f"child({successor}, pid={pid})")) == pid
            with pytest.raises(RefusedError, match=f"PERMISSION_DENIED: caller {pid} has exited"):
                asking.x509(speaking)
            assert Path(f"/proc/{pid}").exists()


@needs_root
@pytest.mark.rows("WC-05")
def test_a_successor_that_is_there_before_the_connection_is_accepted_is_not_the_caller(
    agent: AgentProcess,
) -> None:
    needs.root()
    with puppet(agent.socket) as parent:
        with paused(agent):
            pid = int(parent.ask(f"child({_OTHER}, lambda: connect(False))"))
            sock = parent.handed_over()
            parent.ask(f"reap({pid})")
            assert int(parent.ask(f"child({_OTHER}, pid={pid})")) == pid
        assert says_nothing(sock)


# Another program in the same process


@pytest.mark.rows("WE-20")
def test_one_that_execs_after_connecting_is_refused(agent: AgentProcess) -> None:
    with connected(agent.socket) as (caller, sock), channel(sock) as speaking:
        assert asking.x509(speaking) == [_MINE]
        caller.become("/bin/sleep", "60")
        with pytest.raises(RefusedError, match="runs another program than when"):
            asking.x509(speaking)


@pytest.mark.rows("WE-20")
def test_one_that_execs_before_its_first_request_is_refused(agent: AgentProcess) -> None:
    with connected(agent.socket) as (caller, sock), channel(sock) as speaking:
        caller.become("/bin/sleep", "60")
        with pytest.raises(RefusedError, match="runs another program than when"):
            asking.x509(speaking)


@pytest.fixture
def set_uid_program(agent: AgentProcess) -> Path:
    needs.root()
    program = agent.folder / "set-uid-sleep"
    shutil.copy("/bin/sleep", program)
    program.chmod(0o4755)
    return program


@needs_root
@pytest.mark.rows("WE-20")
def test_a_set_uid_program_that_inherits_a_connection_is_refused(
    agent: AgentProcess, set_uid_program: Path
) -> None:
    with connected(agent.socket, _OTHER) as (caller, sock), channel(sock) as speaking:
        caller.become(set_uid_program, "60")
        assert "Uid:\t54321\t0\t" in Path(f"/proc/{caller.process.pid}/status").read_text()
        with pytest.raises(RefusedError, match="does not have the user and group it connected"):
            asking.x509(speaking)


@needs_root
@pytest.mark.rows("WE-20")
def test_a_set_uid_program_that_is_there_before_it_is_accepted_is_refused(
    agent: AgentProcess, set_uid_program: Path
) -> None:
    with puppet(agent.socket, uid=_OTHER) as caller:
        with paused(agent):
            sock = caller.connect(wait=False)
            caller.become(set_uid_program, "60")
        assert says_nothing(sock)


# A connection in other hands


@needs_root
@pytest.mark.rows("WE-20")
def test_who_is_handed_a_connection_is_whoever_made_it_and_only_while_that_one_lives(
    agent: AgentProcess,
) -> None:
    with connected(agent.socket, _OTHER) as (caller, sock), channel(sock) as speaking:
        assert asking.x509(speaking) == [_THEIRS]  # we, whose it is now, would be _MINE
        caller.end()
        with pytest.raises(RefusedError, match=_EXITED):
            asking.x509(speaking)
        with pytest.raises(RefusedError, match=_EXITED):
            SecretStream(speaking, "default").hear()


def test_streams_end_at_the_next_change_once_whoever_connected_is_gone(
    own_agent: AgentProcess,
) -> None:
    with connected(own_agent.socket) as (caller, sock), channel(sock) as speaking:
        answers = asking.watch(speaking)
        envoy = SecretStream(speaking)
        assert next(answers) == [_MINE]
        assert _MINE in envoy.hear()
        caller.end()
        add_entry(own_agent, _ME)
        with pytest.raises(RefusedError, match=_EXITED):
            next(answers)
        with pytest.raises(RefusedError, match=_EXITED):
            envoy.hear()


# Death between question and answer


@pytest.mark.rows("WC-05")
def test_one_that_dies_between_attestation_and_first_answer_is_not_answered(
    own_agent: AgentProcess,
) -> None:
    later = "spiffe://prod.example/later"
    with connected(own_agent.socket) as (caller, sock), channel(sock) as speaking:
        assert asking.x509(speaking) == [_MINE]  # it is attested
        living = SecretStream(speaking, later)
        with connected(own_agent.socket) as (dying, its_sock), channel(its_sock) as its_channel:
            assert asking.x509(its_channel) == [_MINE]
            parked = SecretStream(its_channel, later)
            wait_for_parked(own_agent, 2)
            dying.end()
            add_entry(own_agent, _ME)
            assert living.hear() == {later: later}
            with pytest.raises(RefusedError, match=_EXITED):
                parked.hear()
        assert caller.process.poll() is None


def wait_for_parked(agent: AgentProcess, streams: int) -> None:
    def parked() -> int:
        found = json.loads(agent.command("status", "--output=json", "-c", agent.config))
        return int(found["sds"]["counters"]["parked"])

    wait_until(lambda: parked() >= streams, tell=parked)


@pytest.mark.rows("WC-20")
def test_callers_that_die_right_after_asking_leave_nothing_behind(agent: AgentProcess) -> None:
    with connected(agent.socket) as (_, sock), channel(sock) as speaking:
        assert asking.x509(speaking) == [_MINE]  # whatever is opened once, is
    with nothing_left_open(agent):
        for _ in range(20):
            with connected(agent.socket) as (caller, sock), sock:
                sock.sendall(_ASK)
                caller.end()
