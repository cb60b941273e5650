from __future__ import annotations

from pathlib import Path

from accredit.agent import lint_output
from accredit.envoy.lint.lint import RULES, lint

_TEXT = "admin: {address: {pipe: {path: '@a'}}}\nadmin2: 1\nadmin2: 2\n"
_FOUND = lint(_TEXT, "f\x1b.yaml")


def test_a_finding_is_one_line_that_cannot_steer_a_terminal() -> None:
    assert [lint_output.line(each).partition("; ")[0] for each in _FOUND] == [
        "f?.yaml:1: admin.address.pipe.path: an abstract socket has no mode: everybody may connect",
        "f?.yaml:3: admin2: is given twice: Envoy takes the last one and drops the others",
    ]
    assert lint_output.cured_line(_FOUND[1]) == "f?.yaml:3: admin2: fixed [error key-twice]"


def test_a_finding_is_data_for_programs() -> None:
    assert lint_output.data(_FOUND[1]) == {
        "file": "f\x1b.yaml",
        "line": 3,
        "path": "admin2",
        "rule": "key-twice",
        "severity": "error",
        "problem": "is given twice: Envoy takes the last one and drops the others",
        "cure": "give it once",
        "fixable": False,
    }


def test_counts_are_told() -> None:
    fixable = lint("admin: {address: {pipe: {path: /a}}}\n", "f")
    assert lint_output.summary([], 0) == "0 errors, 0 warnings"
    assert lint_output.summary(_FOUND, 0) == "1 error, 1 warning"
    assert lint_output.summary(fixable, 0) == "0 errors, 1 warning, --fix can cure 1"
    assert lint_output.summary(_FOUND, 3) == "1 error, 1 warning, 3 fixed"


def test_rules_are_told_for_people_and_programs() -> None:
    text = lint_output.rules_text(RULES).splitlines()
    assert len(text) == len(RULES) + 1
    assert text[1].split()[:2] == [RULES[0].id, RULES[0].severity]
    assert [each["rule"] for each in lint_output.rules_data(RULES)] == [each.id for each in RULES]


def test_the_manual_has_every_rule() -> None:
    manual = (Path(__file__).parents[3] / "docs/envoy-lint.md").read_text()
    assert lint_output.rules_markdown(RULES) in manual
