from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from support.clock import EPOCH

from accredit.rotation.agenda import Agenda


def at(seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def test_the_soonest_comes_first() -> None:
    agenda = Agenda[str]()
    agenda.set("late", at(3))
    agenda.set("soon", at(1))
    assert agenda.next() == at(1)
    assert list(agenda.take_due(at(3))) == ["soon", "late"]
    assert agenda.next() is None


def test_keys_of_one_time_come_in_the_order_they_were_set() -> None:
    agenda = Agenda[str]()
    for key in "cab":
        agenda.set(key, at(1))
    assert list(agenda.take_due(at(1))) == ["c", "a", "b"]


def test_setting_again_moves_a_key() -> None:
    agenda = Agenda[str]()
    agenda.set("a", at(1))
    agenda.set("a", at(5))
    assert (len(agenda), agenda.next(), agenda.when("a")) == (1, at(5), at(5))
    assert list(agenda.take_due(at(4))) == []


def test_what_is_not_due_stays() -> None:
    agenda = Agenda[str]()
    agenda.set("a", at(1))
    agenda.set("b", at(2))
    assert list(agenda.take_due(at(1))) == ["a"]
    assert agenda.next() == at(2)


def test_what_is_set_while_others_are_taken_is_taken_too_if_due() -> None:
    agenda = Agenda[str]()
    agenda.set("a", at(1))
    taken = agenda.take_due(at(2))
    assert next(taken) == "a"
    agenda.set("b", at(2))
    assert list(taken) == ["b"]


def test_a_key_moved_for_ever_does_not_grow_the_heap() -> None:
    agenda = Agenda[str]()
    for second in range(10_000):
        agenda.set("a", at(second))
    assert len(agenda._heap) < 100
    assert list(agenda.take_due(at(10_000))) == ["a"]


_steps = st.tuples(st.sampled_from(["set", "drop", "take"]), st.integers(0, 5), st.integers(0, 10))


@given(st.lists(_steps, max_size=40))
def test_it_behaves_like_a_sorted_dictionary(steps: list[tuple[str, int, int]]) -> None:
    agenda, model = Agenda[int](), dict[int, int]()
    for step, key, second in steps:
        if step == "set":
            agenda.set(key, at(second))
            model[key] = second
        elif step == "drop":
            agenda.drop(key)
            model.pop(key, None)
        else:
            due = {key for key, when in model.items() if when <= second}
            assert set(agenda.take_due(at(second))) == due
            model = {key: when for key, when in model.items() if key not in due}
        assert agenda.next() == min(map(at, model.values()), default=None)
        assert len(agenda) == len(model)
