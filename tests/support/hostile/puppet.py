"""A process that connects to an agent, hands the connection to us, and does what it is told.

Whatever then comes over that connection, the agent has to take for what this process says. It needs
no more than the standard library, so any user's Python will do.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import other_user

_PROGRAM = """
import ctypes, os, resource, select, signal, socket, struct, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []
control, path = socket.socket(fileno=int(sys.argv[1])), sys.argv[2]

def connect(wait=True):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        if wait:
            sock.recv(1, socket.MSG_PEEK)  # whoever hears of HTTP/2 has been accepted
        socket.send_fds(control, [b"."], [sock.fileno()])

def clone(pid):
    pids = (ctypes.c_int * 1)(pid)
    fields = [0] * 4 + [signal.SIGCHLD] + [0] * 3 + [ctypes.addressof(pids), 1, 0]
    raw = struct.pack("11Q", *fields)
    return ctypes.CDLL(None).syscall(435, raw, len(raw))  # clone3 with set_tid

def child(uid, act=signal.pause, pid=0):
    made = clone(pid) if pid else os.fork()
    if not made:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, which new ids take away
        act()
        signal.pause()
    return made

def reap(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

def flood(count, said=b""):
    for _ in range(count):
        sock = socket.socket(socket.AF_UNIX)
        held.append(sock)
        sock.connect(path)
        try:
            sock.send(said)
        except BrokenPipeError:
            pass  # refused already

def is_open(sock):
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return not poll.poll(0)

def count_open():
    for sock in held:
        if not is_open(sock):
            sock.close()
    held[:] = [sock for sock in held if sock.fileno() >= 0]
    return len(held)

def let_go():
    while held:
        held.pop().close()

for line in sys.stdin:
    print(eval(line), flush=True)
"""


class Puppet:
    """The process, and what it hands over."""

    def __init__(self, process: subprocess.Popen[str], control: socket.socket) -> None:
        self.process = process
        self._control = control

    def ask(self, expression: str) -> str:
        """Have it evaluate a Python expression with the functions above; return what it printed."""
        assert self.process.stdout is not None
        self._tell(expression)
        return self.process.stdout.readline().strip()

    def connect(self, *, wait: bool = True) -> socket.socket:
        """Have it connect and, maybe, wait until it was accepted; the socket is ours then."""
        self.ask(f"connect({wait})")
        return self.handed_over()

    def handed_over(self) -> socket.socket:
        """Return the next connection that it, or a child of it, has made."""
        _, files, _, _ = socket.recv_fds(self._control, 1, 1)
        return socket.socket(fileno=files[0])

    def become(self, *command: str | Path) -> None:
        """Have it exec another program; returns when that runs."""
        words = [str(word) for word in command]
        self._tell(f"os.execv({words[0]!r}, {words!r})")
        while self._first_word() != words[0]:
            pass

    def end(self) -> None:
        """Kill it, and return when it is gone for good."""
        self.process.kill()
        self.process.wait()

    def _tell(self, expression: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(expression + "\n")
        self.process.stdin.flush()

    def _first_word(self) -> str:
        line = Path(f"/proc/{self.process.pid}/cmdline").read_bytes()
        return line.partition(b"\0")[0].decode()


@contextmanager
def puppet(
    path: Path, *wrapper: str | Path, uid: int | None = None, python: str | Path | None = None
) -> Iterator[Puppet]:
    """Start one that will connect to ``path``, as us or as ``uid``; maybe behind a ``wrapper``."""
    command: list[str | Path] = [python or sys.executable]
    how: dict[str, Any] = {}
    if uid not in {None, os.geteuid()}:
        (interpreter, *_), how = other_user.python()
        command = [python or interpreter]
        how |= {"user": uid, "group": uid}
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    number = str(theirs.fileno())
    command = [*wrapper, *command, "-c", _PROGRAM, number, path]
    with (
        ours,
        theirs,
        subprocess.Popen(command, pass_fds=[theirs.fileno()], **pipes, **how) as process,
    ):
        try:
            yield Puppet(process, ours)
        finally:
            process.kill()


@contextmanager
def connected(path: Path, uid: int | None = None) -> Iterator[tuple[Puppet, socket.socket]]:
    """Start one that has connected, and been accepted; give what it connected."""
    with puppet(path, uid=uid) as caller, caller.connect() as sock:
        yield caller, sock
