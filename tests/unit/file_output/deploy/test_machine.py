from __future__ import annotations

import pytest

from accredit.file_output.deploy.machine import Deployment, Step

FORWARD = [Step.WRITE, Step.VALIDATE, Step.RELOAD, Step.VERIFY]


def deployed(version: str = "1") -> Deployment:
    """Return a deployment whose first set went all the way."""
    machine = Deployment()
    machine.offer(version)
    for step in FORWARD:
        assert machine.step is step
        machine.done()
    assert (machine.step, machine.good) == (Step.IDLE, version)
    return machine


def at(step: Step) -> Deployment:
    """Return one that has come to that step of its second set."""
    machine = deployed()
    machine.offer("2")
    while machine.step is not step:
        machine.done()
    return machine


def walk(machine: Deployment) -> list[Step]:
    """Let all succeed until it rests; return the steps."""
    steps = []
    while not machine.step.rests:
        steps.append(machine.step)
        machine.done()
    return steps


def test_a_new_set_is_written_validated_reloaded_and_verified() -> None:
    machine = deployed()
    machine.offer("2")
    assert walk(machine) == FORWARD
    assert (machine.good, machine.failures) == ("2", 0)


def test_the_same_set_again_is_no_news() -> None:
    machine = deployed()
    machine.offer("1")
    assert machine.step is Step.IDLE


@pytest.mark.parametrize(
    ("failing", "then"),
    [
        (Step.WRITE, []),
        (Step.VALIDATE, [Step.RETURN]),
        (Step.RELOAD, [Step.RETURN, Step.RELOAD_AGAIN, Step.VERIFY_AGAIN]),
        (Step.VERIFY, [Step.RETURN, Step.RELOAD_AGAIN, Step.VERIFY_AGAIN]),
    ],
)
def test_a_failure_leads_back_as_far_as_the_program_was_told(
    failing: Step, then: list[Step]
) -> None:
    machine = at(failing)
    machine.failed(may_return=True)
    assert walk(machine) == then
    assert (machine.step, machine.good, machine.failures) == (Step.WAIT, "1", 1)
    machine.due()
    assert walk(machine) == FORWARD
    assert machine.good == "2"


@pytest.mark.parametrize("failing", [Step.RETURN, Step.RELOAD_AGAIN, Step.VERIFY_AGAIN])
def test_going_back_that_fails_is_not_tried_for_ever(failing: Step) -> None:
    machine = at(Step.VERIFY)
    machine.failed(may_return=True)
    while machine.step is not failing:
        machine.done()
    machine.failed(may_return=True)
    assert (machine.step, machine.failures) == (Step.WAIT, 1)


def test_there_is_no_way_back_from_the_first_set() -> None:
    machine = Deployment()
    machine.offer("1")
    machine.done()
    machine.failed(may_return=True)
    assert machine.step is Step.WAIT


def test_there_is_no_way_back_from_what_was_there_already() -> None:
    machine = Deployment(good="1")
    machine.offer("1")
    machine.done()
    machine.failed(may_return=True)
    assert machine.step is Step.WAIT


def test_a_set_that_is_of_no_use_any_more_is_not_returned_to() -> None:
    machine = at(Step.VALIDATE)
    machine.failed(may_return=False)
    assert machine.step is Step.WAIT


def test_a_newer_set_follows_at_once_after_success() -> None:
    machine = at(Step.RELOAD)
    machine.offer("3")
    assert machine.step is Step.RELOAD
    machine.done()
    machine.done()
    assert (machine.good, machine.trying, machine.step) == ("2", "3", Step.WRITE)


def test_a_newer_set_follows_at_once_after_a_failure_and_the_way_back() -> None:
    machine = at(Step.RELOAD)
    machine.offer("3")
    machine.offer("4")
    machine.failed(may_return=True)
    assert machine.step is Step.RETURN
    for _ in range(3):
        machine.done()
    assert (machine.good, machine.trying, machine.step) == ("1", "4", Step.WRITE)


def test_a_newer_set_ends_a_wait() -> None:
    machine = at(Step.WRITE)
    machine.failed(may_return=True)
    machine.offer("3")
    assert (machine.trying, machine.step) == ("3", Step.WRITE)


def test_only_a_wait_comes_due() -> None:
    machine = at(Step.RELOAD)
    machine.due()
    assert machine.step is Step.RELOAD
