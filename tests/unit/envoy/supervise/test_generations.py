"""Which Envoy serves, which follows and which leaves: events in, commands out."""

from __future__ import annotations

import random

from accredit.envoy.supervise.generations import (
    Command,
    Discard,
    Drain,
    End,
    Event,
    Exited,
    GaveUp,
    Generations,
    Kill,
    Overdue,
    Repair,
    Retire,
    Start,
    StopAsked,
    TookOver,
    Wanted,
)


def after(*events: Event) -> Generations:
    generations = Generations()
    for event in events:
        generations.handle(event)
    return generations


SERVING = (Wanted("a"), TookOver(0))
RESTARTED = (*SERVING, Wanted("b"), TookOver(1))


def test_the_first_bootstrap_starts_epoch_zero() -> None:
    assert Generations().handle(Wanted("a")) == [Start(0, "a")]


def test_the_same_bootstrap_again_changes_nothing() -> None:
    assert after(*SERVING).handle(Wanted("a")) == []


def test_another_bootstrap_starts_a_follower() -> None:
    assert after(*SERVING).handle(Wanted("b")) == [Start(1, "b")]


def test_who_took_over_retires_its_parent() -> None:
    generations = after(*SERVING, Wanted("b"))
    assert generations.serving == 0
    assert generations.handle(TookOver(1)) == [Retire(0)]
    assert generations.serving == 1


def test_a_change_while_the_parent_leaves_waits_until_it_has_gone_and_the_newest_wins() -> None:
    generations = after(*RESTARTED)
    assert generations.handle(Wanted("c")) == []
    assert generations.handle(Wanted("d")) == []
    assert generations.handle(Exited(0, "x")) == [Start(2, "d")]


def test_a_change_that_is_taken_back_while_the_parent_leaves_starts_nothing() -> None:
    assert after(*RESTARTED, Wanted("c"), Wanted("b")).handle(Exited(0, "x")) == []


def test_a_change_while_a_follower_waits_replaces_it_once_it_is_gone() -> None:
    generations = after(*SERVING, Wanted("b"))
    assert generations.handle(Wanted("c")) == [Discard(1)]
    assert generations.handle(Wanted("d")) == []
    assert generations.handle(Exited(1, "killed")) == [Repair(), Start(1, "d")]


def test_a_follower_that_waits_for_what_is_wanted_again_goes_on_waiting() -> None:
    assert after(*SERVING, Wanted("b")).handle(Wanted("b")) == []


def test_a_follower_that_took_over_before_it_could_be_discarded_serves() -> None:
    generations = after(*SERVING, Wanted("b"), Wanted("c"))
    assert generations.handle(TookOver(1)) == [Retire(0)]
    assert generations.handle(Exited(0, "x")) == [Start(2, "c")]


def test_going_back_while_a_follower_waits_starts_the_old_bootstrap_for_its_admin() -> None:
    generations = after(*SERVING, Wanted("b"), Wanted("a"))
    assert generations.handle(Exited(1, "killed")) == [Repair(), Start(1, "a")]


def test_after_a_follower_that_failed_the_old_bootstrap_is_started_for_its_admin() -> None:
    generations = after(*SERVING, Wanted("b"))
    assert generations.handle(Exited(1, "bad")) == [
        Repair(),
        GaveUp("bad", again=True),
        Start(1, "a"),
    ]


def test_if_that_fails_too_the_old_one_serves_until_the_next_change() -> None:
    generations = after(*SERVING, Wanted("b"), Exited(1, "bad"))
    assert generations.handle(Exited(1, "worse")) == [Repair(), GaveUp("worse", again=False)]
    assert generations.serving == 0
    assert generations.handle(Wanted("a")) == [Start(1, "a")]


def test_a_first_one_that_fails_is_the_end() -> None:
    assert after(Wanted("a")).handle(Exited(0, "bad")) == [End("bad")]


def test_a_change_before_the_first_one_serves_replaces_it() -> None:
    generations = after(Wanted("a"))
    assert generations.handle(Wanted("b")) == [Discard(0)]
    assert generations.handle(Exited(0, "killed")) == [Start(0, "b")]


def test_a_serving_one_that_dies_is_the_end_of_all() -> None:
    assert after(*SERVING, Wanted("b")).handle(Exited(0, "died")) == [Kill(1), End("died")]
    assert after(*RESTARTED).handle(Exited(1, "died")) == [Kill(0), End("died")]


def test_a_parent_that_does_not_leave_is_killed() -> None:
    assert after(*RESTARTED).handle(Overdue(0)) == [Kill(0)]
    assert after(*RESTARTED, Exited(0, "x")).handle(Overdue(0)) == []


def test_stopping_drains_the_one_that_serves() -> None:
    generations = after(*SERVING)
    assert generations.handle(StopAsked()) == [Drain(0)]
    assert generations.handle(Exited(0, "x")) == [End()]


def test_stopping_before_anything_serves_discards_the_first() -> None:
    generations = after(Wanted("a"))
    assert generations.handle(StopAsked()) == [Discard(0)]
    assert generations.handle(Exited(0, "x")) == [End()]


def test_stopping_with_nothing_started_is_the_end() -> None:
    assert Generations().handle(StopAsked()) == [End()]


def test_stopping_discards_a_follower_first() -> None:
    generations = after(*SERVING, Wanted("b"))
    assert generations.handle(StopAsked()) == [Discard(1)]
    assert generations.handle(Exited(1, "killed")) == [Repair(), Drain(0)]


def test_a_follower_that_took_over_while_stopping_is_the_one_to_drain() -> None:
    generations = after(*SERVING, Wanted("b"), StopAsked())
    assert generations.handle(TookOver(1)) == [Drain(1)]
    assert generations.handle(Exited(1, "x")) == [Kill(0), End()]


def test_stopping_does_not_wait_for_a_parent_that_is_leaving() -> None:
    generations = after(*RESTARTED, StopAsked())
    assert generations.handle(Exited(1, "x")) == [Kill(0), End()]


def test_nothing_is_started_any_more_while_stopping() -> None:
    generations = after(*RESTARTED, Wanted("c"), StopAsked())
    assert generations.handle(Exited(0, "x")) == []
    assert generations.handle(Wanted("d")) == []


def test_asked_to_stop_twice_kills() -> None:
    assert after(*RESTARTED, StopAsked()).handle(StopAsked()) == [Kill(1), Kill(0)]


class _World:
    """Processes that obey, or die, at random; checks what must always hold."""

    def __init__(self, seed: int) -> None:
        self.choose = random.Random(seed)
        self.generations = Generations()
        self.alive: dict[int, str] = {}
        self.taken_over: set[int] = set()
        self.dying: set[int] = set()
        self.ended: str | None = None

    def tell(self, event: Event) -> None:
        for command in self.generations.handle(event):
            self.obey(command)

    def obey(self, command: Command) -> None:
        match command:
            case Start(epoch, text):
                # A process of one epoch at a time, and never a third.
                assert epoch not in self.alive
                assert len(self.alive) < 2
                # Envoy refuses to follow one that is not ready, or that has a parent left.
                assert epoch == 0 or set(self.alive) == {epoch - 1} <= self.taken_over
                self.alive[epoch] = text
                self.taken_over.discard(epoch)
            case Discard(epoch):
                if epoch not in self.taken_over:
                    self.dying.add(epoch)
            case Retire(epoch) | Drain(epoch) | Kill(epoch):
                self.dying.add(epoch)
            case End(reason):
                self.ended = reason
            case Repair() | GaveUp():
                # There is somebody who serves.
                assert self.alive

    def step(self, wanted: str) -> None:
        starting = [each for each in self.alive if each not in self.taken_over | self.dying]
        match self.choose.choice(["want", "take over", "die", "die early"]):
            case "want":
                self.tell(Wanted(wanted))
            case "take over" if starting:
                self.taken_over.add(starting[-1])
                self.tell(TookOver(starting[-1]))
            case "die" if self.dying & self.alive.keys():
                self.exit(self.choose.choice(sorted(self.dying & self.alive.keys())))
            case "die early" if starting and starting[-1] > 0:
                self.exit(starting[-1])
            case _:
                pass

    def exit(self, epoch: int) -> None:
        del self.alive[epoch]
        self.dying.discard(epoch)
        self.tell(Exited(epoch, "x"))

    def settle(self) -> None:
        """Let everything happen that is under way."""
        while rest := (self.dying & self.alive.keys()) or (self.alive.keys() - self.taken_over):
            epoch = min(rest)
            if epoch in self.dying:
                self.exit(epoch)
            else:
                self.taken_over.add(epoch)
                self.tell(TookOver(epoch))


def test_in_any_order_of_events_the_newest_bootstrap_serves_in_the_end() -> None:
    for seed in range(2000):
        world = _World(seed)
        world.tell(Wanted("first"))
        for number in range(30):
            world.step(f"{number % 4}")
        world.tell(Wanted("last"))
        world.settle()
        assert world.ended is None, seed
        assert list(world.alive.values()) == ["last"], seed
        world.tell(StopAsked())
        world.settle()
        assert world.ended == "", seed
