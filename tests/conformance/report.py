"""Writes docs/conformance.md: which test shows which requirement of the SPIFFE standards.

``catalogue.csv`` holds the requirements, in our words. A test names those that it shows with
``@pytest.mark.rows("ID-01")``. A requirement that no test shows needs a reason in the catalogue.
"""

from __future__ import annotations

import csv
import io
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_CATALOGUE = Path(__file__).with_name("catalogue.csv")
_DOCUMENT = _ROOT / "docs" / "conformance.md"

_COMPONENTS = {
    "ID": "SPIFFE IDs",
    "SV": "SVIDs of every kind",
    "XI": "Issuing X.509-SVIDs",
    "XV": "Validating X.509-SVIDs",
    "JI": "Issuing JWT-SVIDs",
    "JV": "Validating JWT-SVIDs",
    "JT": "Presenting JWT-SVIDs",
    "BE": "Writing trust bundles",
    "BP": "Reading trust bundles",
    "BM": "Bundle maps",
    "FS": "Serving the own bundle to other trust domains",
    "FC": "Fetching other trust domains' bundles",
    "WE": "The Workload Endpoint",
    "WC": "The Workload API, every method",
    "XS": "FetchX509SVID",
    "XB": "FetchX509Bundles",
    "JS": "FetchJWTSVID",
    "JB": "FetchJWTBundles",
    "VJ": "ValidateJWTSVID",
    "WS": "FetchWITSVID",
    "WB": "FetchWITBundles",
}

_HEADER = """\
# Conformance

Which requirement of the [SPIFFE standards](https://github.com/spiffe/spiffe/tree/main/standards)
is shown by which test. `make conformance` writes this page from `tests/conformance/catalogue.csv`
and the tests' `rows` markers; `make check` fails when it is stale.

The level is the standard's own key word in capitals. Otherwise: *must*, it is meant so without the
key word; *implied*, it follows from other sentences; *ref*, it stands in a document the standard
refers to; *advice*, it is recommended. Where the standard leaves a choice, the requirement says
what this implementation chose.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement."""

    id: str
    level: str
    section: str
    requirement: str
    reason: str  # why no test shows it; empty where one must


Shown = Mapping[str, Sequence[str]]  # row to the tests that claim it, as path::name


class _Collector:
    """Notes the rows of every collected test; runs none."""

    def __init__(self) -> None:
        self.shown: dict[str, list[str]] = defaultdict(list)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            test = item.nodeid.partition("[")[0]
            for row in (row for mark in item.iter_markers("rows") for row in mark.args):
                if test not in self.shown[row]:
                    self.shown[row].append(test)


def read_catalogue(path: Path = _CATALOGUE) -> list[Row]:
    """Return every row, in the order of the file."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file)]


def collect(tests: Path = _ROOT / "tests") -> Shown:
    """Return what the tests under a folder claim; exit if one of them cannot be imported."""
    collector, output = _Collector(), io.StringIO()
    options = ["--collect-only", "-qq", f"--rootdir={_ROOT}", "-p", "no:cacheprovider"]
    with redirect_stdout(output):
        code = pytest.main([*options, str(tests)], plugins=[collector])
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        sys.exit(f"{output.getvalue()}\nthe tests cannot be collected")
    return collector.shown


def find_problems(rows: Sequence[Row], shown: Shown) -> list[str]:
    """Return what is wrong with the claims, each with the place to mend it."""
    known = {row.id: row for row in rows}
    unknown = [
        f"{row}: not in the catalogue, but claimed by {shown[row][0]}"
        for row in shown
        if row not in known
    ]
    bare = [
        f"{row.id}: neither test nor reason: {row.requirement}"
        for row in rows
        if not (row.reason or shown.get(row.id))
    ]
    stale = [
        f"{row.id}: has a test now; remove its reason"
        for row in rows
        if row.reason and shown.get(row.id)
    ]
    return unknown + bare + stale


def render(rows: Sequence[Row], shown: Shown) -> str:
    """Return the page."""
    tested = sum(bool(shown.get(row.id)) for row in rows)
    reasoned = sum(bool(row.reason) for row in rows)
    lines = [
        _HEADER,
        f"{len(rows)} requirements: {tested} shown by tests, {reasoned} left out with a reason.",
    ]
    for prefix, title in _COMPONENTS.items():
        lines += [
            "",
            f"## {title}",
            "",
            "| row | level | requirement | shown by |",
            "|---|---|---|---|",
        ]
        lines += [_render_row(row, shown) for row in rows if row.id.startswith(prefix)]
    return "\n".join(lines) + "\n"


def _render_row(row: Row, shown: Shown) -> str:
    tests = "<br>".join(_links(shown.get(row.id, ())))
    evidence = tests or (f"*{row.reason}*" if row.reason else "**nothing yet**")
    return f"| {row.id} | {row.level} | {row.requirement} ({row.section}) | {evidence} |"


def _links(tests: Iterable[str]) -> Iterable[str]:
    for test in sorted(tests):
        path, *names = test.split("::")
        yield f"[{names[-1]}](../{path})"


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with ``--check`` compare it; 1 if anything is wrong."""
    rows, shown = read_catalogue(), collect()
    problems = find_problems(rows, shown)
    page = render(rows, shown)
    if "--check" not in arguments:
        _DOCUMENT.write_text(page, encoding="utf-8")
    elif not _DOCUMENT.exists() or _DOCUMENT.read_text(encoding="utf-8") != page:
        problems.append("docs/conformance.md is stale: make conformance")
    for problem in problems:
        print(problem)
    return bool(problems) and "--check" in arguments


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
