from __future__ import annotations

from typing import Any

import pytest

from accredit.agent.planning_text import may_lose, planning_text

_NONE: dict[str, Any] = {"gained": [], "lost": [], "changed": [], "default": None}


def _process(pid: int, **change: Any) -> dict[str, Any]:
    about = {"kind": "process", "pid": pid, "uid": 5, "name": "envoy", "connections": 1}
    return about | {"partial": False} | _NONE | change


def _text(*changes: dict[str, Any], missed: int = 0) -> list[str]:
    counts = {"added": 1, "removed": 0, "changed": 2}
    found = {"entries": counts, "looked_at": 20, "missed": missed, "losing": 1}
    return planning_text(found | {"changes": changes}).splitlines()


def test_without_a_change_the_numbers_are_told() -> None:
    assert _text() == [
        "entries: 1 added, 0 removed, 2 changed",
        "",
        "0 of 20 processes and outputs are affected, 1 of them lose an identity",
    ]


def test_each_change_is_told_with_those_it_is_for() -> None:
    changed = {"spiffe_id": "spiffe://a/c", "term": "hint", "before": "", "after": "x"}
    found = _process(
        7,
        lost=["spiffe://a/a"],
        gained=["spiffe://a/b"],
        changed=[changed],
        default={"before": "spiffe://a/a", "after": "spiffe://a/b"},
    )
    assert _text(found)[2:-2] == [
        "- spiffe://a/a",
        "+ spiffe://a/b",
        "~ spiffe://a/c: hint none -> x",
        "~ default: spiffe://a/a -> spiffe://a/b",
        "    process 7 (envoy), uid 5",
    ]


def test_the_same_change_stands_once_and_few_are_named() -> None:
    alike = [_process(pid, lost=["spiffe://a/a"]) for pid in range(1, 13)]
    lines = _text(*alike, _process(99, gained=["spiffe://a/b"]))
    assert lines.count("- spiffe://a/a") == 1
    assert [line for line in lines if "process 1 " in line or "process 10 " in line] != []
    assert "    and 2 more" in lines
    assert "    process 99 (envoy), uid 5" in lines


def test_what_is_special_about_one_is_told() -> None:
    lost: dict[str, Any] = {"lost": ["spiffe://a/a"]}
    output = {"kind": "output", "pid": None, "name": "nginx", **_NONE, **lost}
    seen = _process(8, connections=None, partial=True, **lost)
    assert _text(output, seen)[3:5] == [
        "    output 'nginx'",
        "    process 8 (envoy), uid 5, not connected, of which not all is known",
    ]


def test_those_that_were_missed_are_counted() -> None:
    assert _text(missed=3)[-1].endswith("; 3 could not be looked at")


@pytest.mark.parametrize(
    ("losing", "missed", "expected"), [(0, 0, False), (1, 0, True), (0, 1, True)]
)
def test_who_was_not_looked_at_may_lose_too(losing: int, missed: int, expected: bool) -> None:
    assert may_lose({"losing": losing, "missed": missed}) is expected
