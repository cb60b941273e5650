"""What is said to a request for metrics. Pure but for the document, which is asked for anew."""

from __future__ import annotations

from collections.abc import Callable

from accredit.agent.http_talk import Answer, Request
from accredit.agent.jwks import Document

_METHODS = ("GET", "HEAD")
_PATH = "/metrics"
_TEXT = "text/plain; charset=utf-8"


class MetricsAnswers:
    """Every answer ends its connection: who asks once in seconds gains nothing by keeping it."""

    def __init__(self, document: Callable[[], Document]) -> None:
        self._document = document

    def answer(self, request: Request) -> Answer:
        """Return the response to a request that was understood."""
        if request.method not in _METHODS:
            allowed = ("allow", ", ".join(_METHODS))
            return self.refusal(405, "there is nothing to do here but GET", allowed)
        if request.target.partition("?")[0] != _PATH:
            return self.refusal(404, f"metrics are at {_PATH}")
        found = self._document()
        headers = (("content-type", found.content_type), ("cache-control", "no-store"))
        return Answer(200, headers, found.body, close=True)

    @staticmethod
    def refusal(status: int, reason: str, *more: tuple[str, str]) -> Answer:
        """Return a response without metrics."""
        headers = (("content-type", _TEXT), *more)
        return Answer(status, headers, f"{reason}\n".encode(), close=True)
