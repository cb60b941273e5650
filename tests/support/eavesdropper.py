"""Somebody between a program and a unix socket, who writes down every byte of both directions."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path


class Eavesdropper:
    """Passes connections on, each in threads of its own."""

    def __init__(self, path: Path, target: Path) -> None:
        self.heard = bytearray()
        self._target = str(target)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._threads: list[threading.Thread] = []
        self._start(self._serve)

    def close(self) -> None:
        """End, once those who talk have hung up."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                ours, _ = self._listener.accept()
                theirs = socket.socket(socket.AF_UNIX)
                theirs.connect(self._target)
                self._start(self._relay, ours, theirs)

    def _relay(self, ours: socket.socket, theirs: socket.socket) -> None:
        with ours, theirs:
            back = self._start(self._pass, theirs, ours)
            self._pass(ours, theirs)
            back.join()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                self.heard += data
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def between(path: Path, target: Path) -> Iterator[Eavesdropper]:
    """Listen at ``path`` for who wants to ``target``, its control socket included."""
    data = Eavesdropper(path, target)
    control = Eavesdropper(Path(f"{path}.ctrl"), Path(f"{target}.ctrl"))
    try:
        yield data
    finally:
        data.close()
        control.close()
