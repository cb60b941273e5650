from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from support.clock import EPOCH
from support.file_sets import marked

from accredit.file_output.deploy.machine import Step
from accredit.file_output.ledger import Ledger, Line, State

LATER = EPOCH + timedelta(seconds=5)
FILES = replace(marked("v1"), serial="5e", not_after=LATER)


def test_a_set_that_goes_all_the_way_is_described_by_its_certificate() -> None:
    line = Line("web", wanted="v1")
    line.begins(EPOCH)
    assert (line.state, line.since) == (State.DEPLOYING, EPOCH)
    for step in (Step.WRITE, Step.VALIDATE, Step.RELOAD, Step.VERIFY):
        line.done(step, LATER)
    line.served(FILES, LATER)
    assert (line.state, line.version, line.serial, line.on_disk) == (State.SERVED, "v1", "5e", "v1")
    assert line.last_write == line.last_reload == line.last_verify == LATER


def test_what_fails_goes_on_failing_while_it_is_tried_again() -> None:
    line = Line("web")
    line.begins(EPOCH)
    line.failed(Step.RELOAD, "no", EPOCH)
    line.begins(LATER)
    assert (line.state, line.since) == (State.FAILING, EPOCH)
    assert (line.last_error, line.last_error_step) == ("no", "reload")
    line.served(FILES, LATER)
    assert (line.state, line.last_error, line.last_error_at) == (State.SERVED, "", None)


def test_going_back_is_noted_and_whether_it_was_seen_to_work() -> None:
    line = Line("web", version="v1", wanted="v2", on_disk="v2")
    line.failed(Step.VERIFY, "serves another", EPOCH)
    line.done(Step.RETURN, EPOCH)
    assert (line.on_disk, line.rolled_back, line.confirmed) == ("v1", True, False)
    line.done(Step.VERIFY_AGAIN, EPOCH)
    assert line.confirmed
    line.begins(EPOCH)
    assert (line.rolled_back, line.confirmed, line.rollbacks) == (False, False, 1)


def test_why_going_back_failed_does_not_hide_why_it_came_to_that() -> None:
    line = Line("web")
    line.failed(Step.RELOAD, "no pid", EPOCH)
    line.failed(Step.RELOAD_AGAIN, "still none", EPOCH)
    assert line.last_error == "no pid; then, reload again: still none"
    assert line.last_error_step == "reload"


def test_all_of_it_is_json_and_a_forgotten_output_is_gone() -> None:
    ledger = Ledger()
    ledger.line("web").served(FILES, EPOCH)
    assert ledger.line("web") is ledger.line("web")
    ledger.line("db")
    ledger.forget("db")
    ledger.forget("db")
    (told,) = json.loads(json.dumps(ledger.describe()))["outputs"]
    assert told["not_after"] == "2026-01-01T00:00:05Z"
    assert (told["state"], told["drift"]) == ("served", [])


def test_somebody_may_be_told_of_each_step() -> None:
    told: list[State] = []
    line = Line("web")
    line.changed = lambda: told.append(line.state)
    line.begins(EPOCH)
    line.done(Step.WRITE, EPOCH)
    line.failed(Step.VALIDATE, "no", EPOCH)
    line.begins(EPOCH)
    line.served(marked("v"), EPOCH)
    deploying, failing = State.DEPLOYING, State.FAILING
    assert told == [deploying, deploying, failing, failing, State.SERVED]
    assert "changed" not in line.describe()


def test_it_is_described_without_whoever_waits_for_its_changes() -> None:
    class Waiting:
        def __deepcopy__(self, _: object) -> Waiting:
            raise AssertionError("copied")

        def wake(self) -> None:
            """Be told."""

    line = Line("web")
    line.changed = Waiting().wake
    assert "changed" not in line.describe()
