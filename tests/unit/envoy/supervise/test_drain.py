"""When nobody is connected any more."""

from __future__ import annotations

from typing import Any

import pytest

from accredit.envoy.supervise.drain import connections

_PORT = "listener.127.0.0.1_9001"


def _stats(**values: int) -> Any:
    return {"stats": [{"name": name, "value": value} for name, value in values.items()]}


def test_connections_are_counted_once_and_the_admins_are_not() -> None:
    answer = _stats(
        **{f"{_PORT}.downstream_cx_active": 2, f"{_PORT}.downstream_cx_total": 7},
        **{f"{_PORT}.worker_0.downstream_cx_active": 2, f"{_PORT}.worker_0.downstream_cx_total": 7},
        **{"listener.[__1]_8443.downstream_cx_active": 1},
        **{"listener.admin.downstream_cx_active": 1, "listener.admin.downstream_cx_total": 99},
        **{"listener.admin.main_thread.downstream_cx_active": 1},
    )
    assert connections(answer) == (3, 7)


@pytest.mark.parametrize("answer", [None, {}, {"stats": [{"histograms": {}}]}])
def test_no_answer_is_nobody(answer: Any) -> None:
    assert connections(answer) == (0, 0)
