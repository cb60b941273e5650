"""What is told of outputs that are not as they should be."""

from __future__ import annotations

from datetime import UTC, datetime

from accredit.agent.output_problems import problems_of_outputs
from accredit.file_output.deploy.machine import Step
from accredit.file_output.ledger import Line, State

_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def told(line: Line) -> list[str]:
    return list(problems_of_outputs([line.describe()]))


def test_one_that_waits_or_is_served_is_none() -> None:
    assert told(Line("web")) == []
    assert told(Line("web", State.SERVED)) == []


def test_what_cannot_be_made_and_what_is_left_out_is_told() -> None:
    line = Line("web", lacking="no entry", left_out=("jwks of b.example: no keys",))
    line.stale = ("db.jwt: no token",)
    assert told(line) == [
        "output 'web': no new files can be made: no entry",
        "output 'web': a file is not renewed and holds what it held: db.jwt: no token",
        "output 'web': a file is left out: jwks of b.example: no keys",
    ]


def test_an_expired_certificate_is_told() -> None:
    [problem] = told(Line("web", State.SERVED, expired=True, serial="5f"))
    assert problem == "output 'web': the certificate in its files has expired (serial 5f)"


def test_a_failure_is_told_with_its_step_and_what_is_served_meanwhile() -> None:
    line = Line("web")
    line.failed(Step.RELOAD, "no such unit", _NOW)
    line.attempts = 1
    assert told(line) == ["output 'web': reload failed, once: no such unit"]
    line.attempts, line.version, line.serial = 2, "1a", "5f"
    start = "output 'web': reload failed, 2 times; the set before "
    assert told(line) == [f"{start}has serial 5f: no such unit"]
    line.done(Step.RETURN, _NOW)
    assert told(line) == [f"{start}is back (serial 5f): no such unit"]
    line.done(Step.VERIFY_AGAIN, _NOW)
    assert told(line) == [f"{start}is back and is served (serial 5f): no such unit"]
