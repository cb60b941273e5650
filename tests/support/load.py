"""Steady HTTP load from threads, bounded in rate, each request counted."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

_PAUSE = 0.01


@dataclass
class Counts:
    ok: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass
class Load:
    """Requests to one port, over kept connections and over a new one each."""

    port: int
    kept: Counts = field(default_factory=Counts)
    fresh: Counts = field(default_factory=Counts)
    _done: threading.Event = field(default_factory=threading.Event)

    @property
    def ok(self) -> int:
        return self.kept.ok + self.fresh.ok

    @property
    def failures(self) -> list[str]:
        return self.kept.failures + self.fresh.failures

    @contextlib.contextmanager
    def running(self) -> Iterator[Load]:
        threads = [threading.Thread(target=run) for run in (self._keep, self._renew)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._done.set()
            for thread in threads:
                thread.join()

    def _keep(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self._done.wait(_PAUSE):
            if self._one(connection, self.kept):
                # The server said it would close, as a bounded connection does: not a failure.
                connection.close()
        connection.close()

    def _renew(self) -> None:
        while not self._done.wait(_PAUSE):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            self._one(connection, self.fresh, {"connection": "close"})
            connection.close()

    def _one(
        self,
        connection: http.client.HTTPConnection,
        counts: Counts,
        headers: dict[str, str] | None = None,
    ) -> bool:
        try:
            connection.request("GET", "/", headers=headers or {})
            answer = connection.getresponse()
            body = answer.read()
        except OSError as error:
            counts.failures.append(repr(error))
            return True
        if answer.status == 200:
            counts.ok += 1
        else:
            counts.failures.append(f"{answer.status} {body[:200]!r}")
        return answer.will_close
