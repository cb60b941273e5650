from __future__ import annotations

import pytest

from accredit.agent.http_talk import Request
from accredit.agent.jwks import Document
from accredit.agent.metrics.answers import MetricsAnswers

ANSWERS = MetricsAnswers(lambda: Document("text/plain", b"x 1\n"))


@pytest.mark.parametrize("target", ["/metrics", "/metrics?name[]=x"])
def test_metrics_are_at_their_path_and_never_kept(target: str) -> None:
    answer = ANSWERS.answer(Request("GET", target))
    assert (answer.status, answer.body, answer.close) == (200, b"x 1\n", True)
    assert ("cache-control", "no-store") in answer.headers


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", "/", 404), ("GET", "/metrics/", 404), ("POST", "/metrics", 405)],
)
def test_all_else_is_refused(method: str, target: str, status: int) -> None:
    answer = ANSWERS.answer(Request(method, target))
    assert (answer.status, answer.close) == (status, True)
