from __future__ import annotations

import re

from accredit.envoy.lint.lint import RULES
from accredit.envoy.lint.rule import Severity


def test_each_rule_has_a_name_of_its_own() -> None:
    names = [rule.id for rule in RULES]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


def test_each_rule_tells_harm_and_cure_in_one_line_each() -> None:
    for rule in RULES:
        for text in (rule.summary, rule.cure):
            assert text, rule.id
            assert text.isprintable(), rule.id
            assert not text.endswith("."), rule.id


def test_there_are_both_severities() -> None:
    assert {rule.severity for rule in RULES} == set(Severity)
