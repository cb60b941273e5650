"""An HTTP app that notes which bearer token each request brought, and whether it was in time."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from accredit.envoy.sidecar import Endpoint
from support.token import decode


class TokenApp:
    """``tokens`` counts requests by token, in the order of their first; ``wrong`` has the rest."""

    def __init__(self, at: Endpoint) -> None:
        self.tokens: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.way_in = at.port
        app = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one segment for each answer

            def do_GET(self) -> None:
                app.note(self.headers.get_all("authorization") or [])
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((at.host, at.port), Handler)
        self._server.daemon_threads = True

    def note(self, found: list[str]) -> None:
        now = datetime.now(UTC).timestamp()
        scheme, _, token = found[0].partition(" ") if len(found) == 1 else ("", "", "")
        if scheme != "Bearer":
            self.wrong.append(f"{len(found)} headers, scheme {scheme!r}")
        elif (late := now - claims(token)["exp"]) >= 0:
            self.wrong.append(f"a token that had ended {late:.3f} s before")
        else:
            self.tokens[token] += 1

    @contextlib.contextmanager
    def running(self) -> Iterator[TokenApp]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def claims(token: str) -> dict[str, int]:
    """Return what a token says, unverified."""
    found: dict[str, int] = json.loads(decode(token.split(".")[1]))
    return found
