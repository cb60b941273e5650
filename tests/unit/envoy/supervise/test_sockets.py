"""Which sockets are listened on, by the kernel's own tables."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from accredit.envoy.supervise import sockets
from accredit.envoy.supervise.expected import Listening


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_listening_port_is_seen_and_one_that_is_only_bound_is_not(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        try:
            sock.bind((host, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        place = Listening(host, sock.getsockname()[1])
        assert place not in (sockets.listening() or ())
        sock.listen()
        assert place in (sockets.listening() or ())


def test_a_listening_pipe_is_seen(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        assert Listening(path, 0) not in (sockets.listening() or ())
        sock.listen()
        assert Listening(path, 0) in (sockets.listening() or ())


@pytest.mark.skipif(sys.byteorder != "little", reason="the lines are a little-endian machine's")
def test_the_kernels_lines_are_read() -> None:
    lines = [
        "   0: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0",
        "   1: 0100007F:B459 0100007F:B206 06 00000000:00000000 03:00000C6C 00000000     0",
        "",
    ]
    assert list(sockets.tcp(lines)) == [Listening("127.0.0.1", 8443)]
    line = "   0: 00000000000000000000000001000000:1F90 " + "0" * 32 + ":0000 0A 00000000:00000000"
    assert list(sockets.tcp([line])) == [Listening("::1", 8080)]
    line = "0000000000000000: 00000002 00000000 00010000 0001 01 1234 /run/with space"
    assert list(sockets.unix([line, "short"])) == [Listening("/run/with space", 0)]
