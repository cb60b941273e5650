"""New TLS connections, one after the other, to see what is served and that none fails."""

from __future__ import annotations

import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from accredit.identity.x509_svid import X509Svid
from support.ca import TestCa

Preface = Callable[[socket.socket], None]
_TIMEOUT = 20


def context(ca: TestCa, svid: X509Svid | None = None) -> ssl.SSLContext:
    """Return a client's, that trusts ``ca`` alone and looks at no name."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.load_verify_locations(cadata=_pem(ca.root))
    if svid is not None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(svid.chain_pem + svid.key_pem)
            file.flush()
            made.load_cert_chain(file.name)
    return made


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def no_preface(_: socket.socket) -> None:
    return


def postgresql(connection: socket.socket) -> None:
    connection.sendall(struct.pack("!II", 8, 80877103))
    assert connection.recv(1) == b"S"


def mysql(connection: socket.socket) -> None:
    head = connection.recv(4, socket.MSG_WAITALL)
    connection.recv(int.from_bytes(head[:3], "little"), socket.MSG_WAITALL)
    request = struct.pack("<IIB23x", 0x8A00, 1 << 24, 45)
    connection.sendall(len(request).to_bytes(3, "little") + bytes([1]) + request)


@dataclass
class Handshakes:
    """Connects as fast as one after the other goes; ``say`` is sent and an answer awaited.

    ``serials`` are what was served, in order, without repetitions; ``first_seen`` is when each was
    first, in seconds since the epoch. After an error that says ``again`` it tries once more, as a
    client would; ``repeated`` counts those.
    """

    port: int
    context: ssl.SSLContext
    preface: Preface = no_preface
    say: bytes = b""
    again: str = ""
    done: int = 0
    repeated: int = 0
    serials: list[str] = field(default_factory=list)
    first_seen: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self, pause: float = 0.005) -> Iterator[Handshakes]:
        thread = threading.Thread(target=self._run, args=(pause,))
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    def _run(self, pause: float) -> None:
        while not self._over.wait(pause):
            try:
                serial = self._once_or_again()
            except OSError as error:
                self.failures.append(repr(error))
            else:
                self.done += 1
                self.first_seen.setdefault(serial, datetime.now(UTC).timestamp())
                if self.serials[-1:] != [serial]:
                    self.serials.append(serial)

    def _once_or_again(self) -> str:
        try:
            return self.once()
        except OSError as error:
            if not self.again or self.again not in repr(error):
                raise
            self.repeated += 1
            return self.once()

    def once(self) -> str:
        """Connect; return the serial of the leaf that was served."""
        with socket.create_connection(("127.0.0.1", self.port), _TIMEOUT) as plain:
            self.preface(plain)
            with self.context.wrap_socket(plain) as tls:
                if self.say:
                    tls.sendall(self.say)
                    if not tls.recv(64):
                        raise ConnectionError("closed without an answer")
                leaf = tls.getpeercert(binary_form=True)
                assert leaf is not None
                return f"{x509.load_der_x509_certificate(leaf).serial_number:x}"


def furthest_back(seen: Sequence[str], rotated: Sequence[str]) -> int:
    """Return how many rotations behind the newest seen so far a handshake ever was.

    One is the overlap of old and new workers during a reload.
    """
    newest, furthest = 0, 0
    for place in map(rotated.index, seen):
        newest = max(newest, place)
        furthest = max(furthest, newest - place)
    return furthest
