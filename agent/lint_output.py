"""What ``accredit envoy lint`` shows: lines for people, plain data for JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from accredit.agent import table
from accredit.agent.sds_output import printable
from accredit.envoy.lint.lint import Finding
from accredit.envoy.lint.rule import Rule


def line(finding: Finding) -> str:
    """Return a finding in one line."""
    return printable(str(finding))


def cured_line(finding: Finding) -> str:
    """Return in one line what has been cured."""
    place = f"{finding.file}:{finding.line}: {finding.path}"
    return printable(f"{place}: fixed [{finding.rule.severity} {finding.rule.id}]")


def data(finding: Finding) -> dict[str, object]:
    """Return a finding for programs."""
    return {
        "file": finding.file,
        "line": finding.line,
        "path": finding.path,
        "rule": finding.rule.id,
        "severity": str(finding.rule.severity),
        "problem": finding.what,
        "cure": finding.rule.cure,
        "fixable": finding.edit is not None,
    }


def summary(left: Sequence[Finding], cured: int) -> str:
    """Return the counts in one line."""
    errors = sum(each.is_error for each in left)
    parts = [_count(errors, "error"), _count(len(left) - errors, "warning")]
    if cured:
        parts.append(f"{cured} fixed")
    elif fixable := sum(each.edit is not None for each in left):
        parts.append(f"--fix can cure {fixable}")
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def rules_text(rules: Iterable[Rule]) -> str:
    """Return the rules in columns."""
    rows = [(rule.id, str(rule.severity), rule.summary) for rule in rules]
    return table.render(("RULE", "SEVERITY", "WHAT ENVOY DOES"), rows)


def rules_data(rules: Iterable[Rule]) -> list[dict[str, str]]:
    """Return the rules for programs."""
    return [
        {
            "rule": rule.id,
            "severity": str(rule.severity),
            "problem": rule.summary,
            "cure": rule.cure,
        }
        for rule in rules
    ]


def rules_markdown(rules: Iterable[Rule]) -> str:
    """Return the rules as the table in docs/envoy-lint.md."""
    head = "| rule | severity | what Envoy does | cure |\n|---|---|---|---|\n"
    rows = (f"| `{r.id}` | {r.severity} | {r.summary} | {r.cure} |\n" for r in rules)
    return head + "".join(rows)
