from __future__ import annotations

from accredit.sds_server.log_budget import LogBudget


def test_so_many_lines_are_said_and_the_rest_is_counted() -> None:
    budget = LogBudget()
    said = [budget.take(1000.0 + number / 100) for number in range(100)]
    assert said == [{}] * 20 + [None] * 80
    assert budget.take(1011.0) == {"unsaid": 80}
    assert budget.take(1011.0) == {}
