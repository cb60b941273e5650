"""Children that die at a chosen moment, each a little later than the one before."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import FrameType
from typing import Any

Tell = Callable[[dict[str, Any]], object]

_PR_SET_PTRACER, _ANYBODY = 0x59616D61, ctypes.c_ulong(-1)


class Death:
    """What a child does before it lives, and what is done to it meanwhile."""

    def prepare(self) -> None:
        """In the child."""

    def accompany(self, pid: int) -> subprocess.Popen[str] | None:
        """In the parent, before the child goes on."""
        del pid
        return None


@dataclass
class AtLine(Death):
    """By SIGKILL, before a line of ``files``, but not in functions named in ``pure``."""

    files: tuple[str, ...]
    pure: Collection[str]
    left: int

    def prepare(self) -> None:
        sys.settrace(self._trace)

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        if event == "call" and (
            not code.co_filename.endswith(self.files) or code.co_name in self.pure
        ):
            return None
        if event == "line":
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._trace


@dataclass
class AtByte(Death):
    """By SIGXFSZ, in the middle of the write that makes a file longer than ``count``."""

    count: int

    def prepare(self) -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.count, self.count))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it


@dataclass
class AtSyscall(Death):
    """By SIGKILL, instead of the system call ``name`` when it comes for the ``count``-th time."""

    name: str
    count: int

    def prepare(self) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANYBODY, 0, 0, 0)

    def accompany(self, pid: int) -> subprocess.Popen[str]:
        inject = f"inject={self.name}:signal=SIGKILL:when={self.count}"
        tracer = subprocess.Popen(
            ["strace", "-f", "-p", str(pid), "-o", "/dev/null", "-e", inject],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert tracer.stderr is not None
        if "attached" not in (line := tracer.stderr.readline()):
            raise SystemExit(line)
        return tracer


def in_child(work: Callable[[Tell], None], death: Death | None = None) -> tuple[int, list[Any]]:
    """Return how a child that did ``work`` ended, and what it told before."""
    ear, mouth = os.pipe()
    parent, child = socket.socketpair()
    if (pid := os.fork()) == 0:
        os.close(ear)
        if death:
            death.prepare()
        child.send(b"?")
        child.recv(1)
        work(lambda facts: os.write(mouth, json.dumps(facts).encode() + b"\n"))
        os._exit(0)
    os.close(mouth)
    with parent, child:
        parent.recv(1)
        tracer = death.accompany(pid) if death else None
        parent.send(b"!")
    with os.fdopen(ear, "rb") as file:
        told = [json.loads(line) for line in file]
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if tracer:
        tracer.communicate()
    return status, told


def checked(work: Callable[[Tell], None]) -> list[Any]:
    """Return what a child that is to live told."""
    status, told = in_child(work)
    if status != 0:
        raise SystemExit(f"the child that was to live ended with {status}")
    return told
