from __future__ import annotations

from accredit.authority.subscribers import Subscribers


def test_everyone_is_told_in_the_order_they_came() -> None:
    subscribers, told = Subscribers(), []
    subscribers.add(lambda: told.append("first"))
    subscribers.add(lambda: told.append("second"))
    subscribers.tell()
    assert told == ["first", "second"]


def test_the_same_callback_subscribes_twice_and_each_undo_ends_its_own() -> None:
    subscribers, told = Subscribers(), []
    undo = subscribers.add(changed := lambda: told.append("told"))
    subscribers.add(changed)
    undo()
    undo()
    subscribers.tell()
    assert told == ["told"]


def test_who_unsubscribes_while_others_are_told_harms_nobody() -> None:
    subscribers, told = Subscribers(), []

    def leave() -> None:
        undo()
        told.append("left")

    undo = subscribers.add(leave)
    subscribers.add(lambda: told.append("stayed"))
    subscribers.tell()
    subscribers.tell()
    assert told == ["left", "stayed", "stayed"]
