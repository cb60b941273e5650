"""Plain apps: whatever is to be said over one connection, in a thread for each."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from accredit.envoy.address import Address, Pipe

Talk = Callable[[socket.socket], None]


@contextlib.contextmanager
def serving(at: Address, talk: Talk) -> Iterator[None]:
    """Serve meanwhile; afterwards the port is closed and so is every connection."""
    with _listener(at) as listener:
        open_sockets: set[socket.socket] = set()
        accepting = threading.Thread(target=_accept, args=(listener, talk, open_sockets))
        accepting.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for each in list(open_sockets):
                _hang_up(each)


def connect(to: Address, seconds: float = 30) -> socket.socket:
    """Return a plain connection."""
    if isinstance(to, Pipe):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(seconds)
        sock.connect(to.path)
        return sock
    return socket.create_connection((to.host, to.port), seconds)


def _listener(at: Address) -> socket.socket:
    if isinstance(at, Pipe):
        return socket.create_server(at.path, family=socket.AF_UNIX)
    family = socket.AF_INET6 if at.is_ipv6 else socket.AF_INET
    return socket.create_server((at.host, at.port), family=family)


def _accept(listener: socket.socket, talk: Talk, open_sockets: set[socket.socket]) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:  # the app ends
            return
        open_sockets.add(sock)
        threading.Thread(target=_serve, args=(sock, talk, open_sockets), daemon=True).start()


def _serve(sock: socket.socket, talk: Talk, open_sockets: set[socket.socket]) -> None:
    with sock, contextlib.suppress(OSError):
        talk(sock)
    open_sockets.discard(sock)


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
