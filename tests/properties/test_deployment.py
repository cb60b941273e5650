"""Any history of new sets and failures, played on a disk and a program that obey orders."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from accredit.file_output.deploy.machine import Deployment, Step


class Histories(RuleBasedStateMachine):
    """``disk`` is the set that readers find, ``program`` the one it has read and serves."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = Deployment()
        self.offered = 0
        self.disk = self.program = ""

    @initialize(there=st.booleans())
    def start(self, there: bool) -> None:
        if there:
            self.disk = self.program = self.machine.good = "0"

    @rule(repeated=st.booleans())
    def offer(self, repeated: bool) -> None:
        self.offered += not repeated or not self.offered
        self.machine.offer(str(self.offered))

    @precondition(lambda self: not self.machine.step.rests)
    @rule()
    def succeed(self) -> None:
        step, machine = self.machine.step, self.machine
        match step:
            case Step.WRITE:
                self.disk = machine.trying
            case Step.RETURN:
                self.disk = machine.good
            case Step.RELOAD:
                # What it reads is what lies there, whatever was meant.
                self.program = self.disk
            case Step.RELOAD_AGAIN:
                assert self.disk == machine.good
                self.program = self.disk
            case Step.VERIFY:
                assert self.program == machine.trying
            case _:
                pass
        machine.done()
        if step is Step.VERIFY:
            assert machine.good == self.disk == self.program

    @precondition(lambda self: not self.machine.step.rests)
    @rule(may_return=st.booleans())
    def fail(self, may_return: bool) -> None:
        step, before = self.machine.step, self.machine.failures
        had_way_back = self.machine.good not in {"", self.machine.trying}
        self.machine.failed(may_return=may_return)
        if step.goes_back:
            assert not self.machine.step.goes_back
            return
        assert self.machine.failures == before + 1
        if step is not Step.WRITE and may_return and had_way_back:
            assert self.machine.step is Step.RETURN
        else:
            assert self.machine.step in {Step.WAIT, Step.WRITE}

    @rule()
    def time_passes(self) -> None:
        self.machine.due()
        assert self.machine.step is not Step.WAIT

    @invariant()
    def only_whole_sets_that_were_offered_are_anywhere(self) -> None:
        known = {"", *(str(number) for number in range(self.offered + 1))}
        assert {self.disk, self.program, self.machine.good} <= known

    @invariant()
    def the_newest_is_wanted_and_rest_means_it_is_served_or_waited_for(self) -> None:
        if self.offered:
            assert self.machine.wanted == str(self.offered)
        if self.machine.step is Step.IDLE and self.offered:
            assert self.machine.good == self.machine.wanted == self.disk == self.program
        if self.machine.step is Step.WAIT:
            assert self.machine.trying == self.machine.wanted
            assert self.machine.failures > 0

    def teardown(self) -> None:
        """See that it ends well once nothing fails any more."""
        self.machine.due()
        for _ in range(20):
            if self.machine.step is Step.WAIT:
                self.machine.due()
            if not self.machine.step.rests:
                self.succeed()
        if self.offered:
            assert self.machine.good == self.disk == self.program == str(self.offered)


TestHistories = Histories.TestCase
