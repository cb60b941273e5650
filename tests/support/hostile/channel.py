"""gRPC over a connection that somebody else has made."""

from __future__ import annotations

import select
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc


@contextmanager
def channel(sock: socket.socket, *, authority: str = "localhost") -> Iterator[grpc.Channel]:
    """Speak gRPC on ``sock``, which is closed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="accredit-"))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "s"))
    listener.listen()
    pump = threading.Thread(target=_pump, args=(listener, sock))
    pump.start()
    options = [("grpc.default_authority", authority), ("grpc.use_local_subchannel_pool", 1)]
    try:
        with grpc.insecure_channel(f"unix:{folder}/s", options) as made:
            yield made
    finally:
        for each in (sock, listener):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        pump.join()
        sock.close()
        listener.close()
        shutil.rmtree(folder)


def _pump(listener: socket.socket, sock: socket.socket) -> None:
    with suppress(OSError):
        inner, _ = listener.accept()
        listener.shutdown(socket.SHUT_RDWR)  # one connection is all there is
        with inner:
            other = {inner: sock, sock: inner}
            while True:
                for end in select.select(list(other), [], [])[0]:
                    if not (data := end.recv(1 << 16)):
                        return
                    other[end].sendall(data)
