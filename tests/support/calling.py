"""A process that has connected to a socket of ours and does what it is told, a line at a time."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PROGRAM = """
import os, signal, socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
sock.set_inheritable(True)
print("connected", flush=True)
for line in sys.stdin:
    print(eval(line), flush=True)
"""


class Child:
    """The process, and our end of its connection."""

    def __init__(self, process: subprocess.Popen[str], sock: socket.socket) -> None:
        self.process = process
        self.sock = sock

    def tell(self, expression: str) -> None:
        """Have the process evaluate a Python expression; it may never answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(expression + "\n")
        self.process.stdin.flush()

    def ask(self, expression: str) -> str:
        """Have the process evaluate a Python expression, and return what came of it."""
        assert self.process.stdout is not None
        self.tell(expression)
        return self.process.stdout.readline().strip()

    def become(self, *command: str) -> None:
        """Have the process exec another program; it keeps pid and socket."""
        self.tell(f"os.execv({command[0]!r}, {command!r})")
        while (
            Path(f"/proc/{self.process.pid}/cmdline").read_bytes().split(b"\0")[0].decode()
            != (command[0])
        ):
            pass

    def end(self) -> None:
        """Kill the process and wait until it is gone for good."""
        self.process.kill()
        self.process.wait()


@contextmanager
def calling(
    *wrapper: str | Path, python: str | Path = sys.executable, **how: Any
) -> Iterator[Child]:
    """Start one, maybe behind a ``wrapper`` such as unshare; ``how`` is for Popen."""
    folder = Path(tempfile.mkdtemp(prefix="accredit-"))
    folder.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        (folder / "s").chmod(0o666)
        listener.listen()
        listener.settimeout(30)
        command = [*wrapper, python, "-c", _PROGRAM, folder / "s"]
        with subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **how
        ) as process:
            try:
                sock, _ = listener.accept()
                with sock:
                    assert process.stdout is not None
                    process.stdout.readline()
                    yield Child(process, sock)
            finally:
                process.kill()
                shutil.rmtree(folder)
