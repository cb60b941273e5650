"""A legacy app that serves plain HTTP on loopback: ``payments.py PORT``.

It knows nothing of TLS or SPIFFE; it repeats what its proxy says of the caller in a header.
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Payments(BaseHTTPRequestHandler):
    """Answers each GET with the caller it was told of."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer one request."""
        told = re.search(r"URI=([^;,]+)", self.headers.get("x-forwarded-client-cert", ""))
        body = json.dumps({"paid": True, "caller": told.group(1) if told else None}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing; the proxy keeps the access log."""


def main() -> None:
    """Serve until killed."""
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Payments).serve_forever()


if __name__ == "__main__":
    main()
