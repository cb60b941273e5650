from __future__ import annotations

from conformance.report import Row, find_problems, read_catalogue, render

_TESTED = Row("ID-01", "MUST", "SPIFFE-ID 2", "The scheme is `spiffe`.", "")
_EXCUSED = Row("JT-01", "MUST", "JWT-SVID 5.1", "Tokens are sent in compact form.", "client side")
_TEST = "tests/unit/identity/test_spiffe_id.py::TestParse::test_other_schemes_are_refused"


def test_rows_with_a_test_or_a_reason_are_in_order() -> None:
    assert find_problems([_TESTED, _EXCUSED], {"ID-01": [_TEST]}) == []


def test_a_row_without_either_is_a_problem() -> None:
    assert find_problems([_TESTED], {}) == [
        "ID-01: neither test nor reason: The scheme is `spiffe`."
    ]


def test_a_reason_that_a_test_has_overtaken_is_a_problem() -> None:
    problems = find_problems([_EXCUSED], {"JT-01": [_TEST]})
    assert problems == ["JT-01: has a test now; remove its reason"]


def test_a_marker_that_names_no_row_is_a_problem_and_says_where() -> None:
    problems = find_problems([], {"ID-99": [_TEST]})
    assert problems == [f"ID-99: not in the catalogue, but claimed by {_TEST}"]


def test_the_page_links_each_row_to_its_tests() -> None:
    page = render([_TESTED, _EXCUSED], {"ID-01": [_TEST]})
    assert "2 requirements: 1 shown by tests, 1 left out with a reason." in page
    assert "[test_other_schemes_are_refused](../tests/unit/identity/test_spiffe_id.py) |" in page
    assert "| *client side* |" in page


def test_the_catalogue_is_complete_and_names_each_row_once() -> None:
    rows = read_catalogue()
    assert len({row.id for row in rows}) == len(rows)
    assert all(row.id and row.level and row.section and row.requirement for row in rows)
