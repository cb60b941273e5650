"""Servers that say how they were reached: ``answering.py KIND,HOST,PORT...``, until killed.

``http`` answers each GET with its Host header and the caller it was told of; ``tcp`` tells each
client where it meant to connect, and ends.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

_SO_ORIGINAL_DST = 80  # linux/netfilter_ipv4.h, and the same for IPv6
_ADDRESS = {  # of sockaddr_in, sockaddr_in6
    socket.AF_INET: (socket.IPPROTO_IP, 16, slice(4, 8)),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 28, slice(8, 24)),
}


class _Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        caller = re.search(r"URI=([^;,]+)", self.headers.get("x-forwarded-client-cert", ""))
        told = {"host": self.headers.get("host"), "caller": caller and caller.group(1)}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class _HttpServer(ThreadingHTTPServer):
    family: ClassVar = {False: socket.AF_INET, True: socket.AF_INET6}

    def __init__(self, host: str, port: int) -> None:
        self.address_family = self.family[":" in host]
        super().__init__((host, port), _Http)


def _meant(client: socket.socket) -> str | None:
    level, size, where = _ADDRESS[client.family]
    try:
        raw = client.getsockopt(level, _SO_ORIGINAL_DST, size)
    except OSError:
        return None
    address = socket.inet_ntop(client.family, raw[where])
    return f"{address} {struct.unpack_from('!H', raw, 2)[0]}"


def _serve_tcp(listener: socket.socket) -> None:
    while True:
        client, _ = listener.accept()
        with client:
            told = {"at": listener.getsockname()[0], "meant": _meant(client)}
            client.sendall(json.dumps(told).encode())


def main() -> None:
    for kind, host, port in (word.split(",") for word in sys.argv[1:]):
        if kind == "http":
            serve = _HttpServer(host, int(port)).serve_forever
            threading.Thread(target=serve).start()
            continue
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, int(port)), family=family)
        threading.Thread(target=_serve_tcp, args=(listener,)).start()
    print("ready", flush=True)


if __name__ == "__main__":
    main()
