"""Hostile visitors of the bundle endpoint: whatever they do, the next one gets the bundle."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from support import process_facts
from support.agent_process import AgentProcess
from support.endpoint_visitors import connected, curl, plain
from support.eventually import wait_until
from support.ports import free_port

_EACH = 7
_TOGETHER = 9
_PATIENCE = 3
_MEBIBYTE = 1 << 20
_GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
_CONFIG = """\
trust_domain: prod.example
federation:
  endpoint:
    listen: "[::]:{port}"
    profile: https_spiffe
    patience: {patience}s
    connections: {together}
    connections_per_address: {each}
"""


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AgentProcess, int]]:
    port = free_port()
    config = _CONFIG.format(port=port, each=_EACH, together=_TOGETHER, patience=_PATIENCE)
    agent = AgentProcess(tmp_path_factory.mktemp("agent"), config)
    with agent.running():
        yield agent, port
        for word in ("Traceback", "visit failed"):
            assert word not in agent.log.read_text()


def files(agent: AgentProcess) -> int:
    return len(process_facts.open_files(agent.pid))


def served(port: int) -> bool:
    try:
        return curl(f"https://127.0.0.1:{port}/").status == 200
    except AssertionError:
        return False


def heard(sock: socket.socket) -> bytes:
    """Return all that comes until the server hangs up, which it must."""
    data = b""
    with suppress(ConnectionError, ssl.SSLError):
        while piece := sock.recv(1 << 16):
            data += piece
    return data


def silent(port: int) -> None:
    with plain(port) as sock:
        assert heard(sock) == b""


def silent_over_tls(port: int) -> None:
    with connected(port) as sock:
        assert heard(sock) == b""


def in_the_clear(port: int) -> None:
    with plain(port) as sock:
        sock.sendall(_GET)
        assert b"keys" not in heard(sock)


def garbage(port: int) -> None:
    with plain(port) as sock:
        sock.sendall(bytes(range(256)) * 64)
        heard(sock)


def half_a_hello(port: int) -> None:
    with plain(port) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        heard(sock)


def reset(port: int) -> None:
    sock = plain(port)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def reset_over_tls(port: int) -> None:
    sock = connected(port)
    sock.sendall(_GET[:10])
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def half_a_request(port: int) -> None:
    with connected(port) as sock:
        sock.sendall(_GET[:-2])
        assert heard(sock) == b""


def drop_by_drop(port: int) -> None:
    with connected(port) as sock, suppress(OSError):
        for each in range(10_000):
            sock.sendall(b"GET / HTTP/1.1\r\nX: "[each : each + 1] or b"x")
            time.sleep(0.05)
        raise AssertionError("never hung up")


def endless_header(port: int) -> None:
    with connected(port) as sock:
        with suppress(OSError):
            sock.sendall(b"GET / HTTP/1.1\r\nX: ")
            for _ in range(1000):
                sock.sendall(b"x" * 1000)
        assert b"keys" not in heard(sock)


def endless_body(port: int) -> None:
    with connected(port) as sock:
        with suppress(OSError):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
            for _ in range(100):
                sock.sendall(b"x" * 10_000)
        assert b"keys" not in heard(sock)


def no_http(port: int) -> None:
    with connected(port) as sock:
        sock.sendall(b"\x00\xffPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert heard(sock).startswith(b"HTTP/1.1 400 ")


def smuggled(port: int) -> None:
    with connected(port) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n")
        assert heard(sock).startswith(b"HTTP/1.1 400 ")


def many_requests_at_once(port: int) -> None:
    with connected(port) as sock:
        sock.sendall(_GET * 100)
        assert heard(sock).count(b"HTTP/1.1 200") == 1


def never_reads(port: int) -> None:
    with plain(port) as inner:
        inner.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        context = ssl._create_unverified_context()
        with context.wrap_socket(inner) as sock:
            sock.sendall(_GET)
            time.sleep(_PATIENCE + 2)


_LENGTHY = (silent, silent_over_tls, half_a_hello, half_a_request, drop_by_drop, never_reads)
_SHORT = (
    in_the_clear,
    garbage,
    reset,
    reset_over_tls,
    endless_header,
    endless_body,
    no_http,
    smuggled,
    many_requests_at_once,
)


def test_visitors_who_take_their_time_are_shown_out_and_another_is_served_meanwhile(
    endpoint: tuple[AgentProcess, int],
) -> None:
    agent, port = endpoint
    assert served(port)
    before = files(agent)
    with ThreadPoolExecutor(len(_LENGTHY)) as pool:
        visits = [pool.submit(deed, port) for deed in _LENGTHY]
        assert served(port)
    for visit in visits:
        visit.result()
    wait_until(lambda: files(agent) <= before)


@pytest.mark.parametrize("deed", _SHORT, ids=lambda each: each.__name__)
def test_whatever_a_visitor_does_the_next_one_is_served(
    endpoint: tuple[AgentProcess, int], deed: Callable[[int], None]
) -> None:
    agent, port = endpoint
    assert served(port)
    before = files(agent)
    deed(port)
    assert served(port)
    wait_until(lambda: files(agent) <= before)


def test_an_address_has_its_share_and_no_more_while_others_are_served(
    endpoint: tuple[AgentProcess, int],
) -> None:
    agent, port = endpoint
    with ExitStack() as stack:
        for _ in range(_EACH):
            stack.enter_context(plain(port))
        wait_until(lambda: not served(port))
        other = curl(f"https://127.0.0.2:{port}/", "--insecure", "--interface", "127.0.0.2")
        assert other.status == 200
    wait_until(lambda: served(port))
    assert (
        f"address 127.0.0.1 has {_EACH} connections open, as many as it may"
        in agent.log.read_text()
    )


def test_a_crowd_costs_little_memory_and_goes_away(endpoint: tuple[AgentProcess, int]) -> None:
    agent, port = endpoint
    before, held = files(agent), process_facts.memory(agent.pid)
    for _ in range(300):
        with suppress(OSError):
            reset(port)
    crowd = []
    for _ in range(200):
        with suppress(OSError):
            crowd.append(plain(port))
    assert files(agent) <= before + _TOGETHER + 1
    for each in crowd:
        each.close()
    wait_until(lambda: served(port))
    wait_until(lambda: files(agent) <= before)
    assert process_facts.memory(agent.pid) < held + 32 * _MEBIBYTE
