from __future__ import annotations

import pytest

from accredit.agent.file_request import outputs, token_name
from accredit.agent.output_plan import Wanted
from accredit.file_output.spec import Kind, check_file_name


@pytest.mark.parametrize(
    ("audience", "name"),
    [
        ("db", "db.jwt"),
        ("https://cache.example/", "https-cache.example.jwt"),
        ("../../etc/passwd", "etc-passwd.jwt"),
        ("日本", "token.jwt"),
        ("x" * 300, "x" * 200 + ".jwt"),
        ("-rf", "rf.jwt"),
    ],
)
def test_an_audience_gives_the_name_of_a_file(audience: str, name: str) -> None:
    assert token_name(audience) == name
    check_file_name(name)


def test_options_are_an_output() -> None:
    given = {"profile": "postgresql", "folder": "/f", "hint": "x", "group": "db", "owner": None}
    address, (plan,) = outputs(None, given, ["a"])
    assert address is None
    assert (plan.name, str(plan.folder), plan.wanted) == ("postgresql", "/f", Wanted(hint="x"))
    assert {spec.group for spec in plan.recipe.files} == {"db"}
    assert [spec.audience for spec in plan.recipe.files if spec.kind is Kind.JWT] == ["a"]
