"""What follows from an acknowledgement, and from a refusal."""

from __future__ import annotations

from support.sds_playbook import Player, State, play
from support.sds_requests import ack, ask, nack

from accredit.sds_server.subscription import Subscription


def test_a_stale_request_changes_no_names_but_its_verdict_counts() -> None:
    player = play(
        Subscription,
        (State(a="1", b="1"), ""),
        (ask("a"), "1: a=1"),
        (State(a="2", b="1"), "2: a=2"),
        (nack("1", "a", "b"), ""),
        (ack("2", "a"), ""),
        # The refused bytes come round again: the good ones stay.
        (State(a="1", b="1"), ""),
    )
    assert player.peer.describe()["secrets"][0]["nacks"] == 1  # type: ignore[index]


def test_a_refused_secret_is_replaced_by_the_last_good_one_and_never_sent_again() -> None:
    play(
        Subscription,
        (State(a="1"), ""),
        (ask("a"), "1: a=1"),
        (ack("1", "a", version="1"), ""),
        (State(a="2"), "2: a=2"),
        (nack("2", "a", version="1"), "3: a=1"),
        (ack("3", "a", version="1"), ""),
        (State(a="2"), ""),
        (State(a="3"), "4: a=3"),
        (ack("4", "a", version="3"), ""),
        (State(a="2"), ""),
    )


def test_a_refusal_is_known_by_its_error_even_if_it_carries_the_version_sent() -> None:
    play(
        Subscription,
        (State(a="1"), ""),
        (ask("a"), "1: a=1"),
        (nack("1", "a", version="1"), ""),
        (State(a="1"), ""),
        (State(a="2"), "2: a=2"),
    )


def test_an_old_version_without_an_error_is_no_refusal() -> None:
    play(
        Subscription,
        (State(a="1"), ""),
        (ask("a"), "1: a=1"),
        (ack("1", "a", version=""), ""),
        (State(a="2"), "2: a=2"),
        (nack("2", "a"), "3: a=1"),
    )


def test_with_nothing_good_to_return_to_a_refusal_is_followed_by_silence() -> None:
    play(
        Subscription,
        (State(a="1"), ""),
        (ask("a"), "1: a=1"),
        (nack("1", "a"), ""),
        (State(a="1"), ""),
    )


def test_a_refusal_that_also_changes_the_names_is_both() -> None:
    play(
        Subscription,
        (State(a="1", b="1"), ""),
        (ask("a"), "1: a=1"),
        (nack("1", "a", "b"), "2: b=1"),
    )


def test_an_answer_is_counted_once_however_often_it_is_given() -> None:
    player = play(
        Subscription,
        (State(a="1"), ""),
        (ask("a"), "1: a=1"),
        (ack("1", "a"), ""),
        (ack("1", "a"), ""),
        (nack("1", "a"), ""),
    )
    line = player.peer.describe()["secrets"][0]  # type: ignore[index]
    assert (line["acks"], line["nacks"]) == (1, 0)


def test_late_answers_do_not_make_two_good_secrets_take_turns() -> None:
    play(
        Subscription,
        (State(a="4"), ""),
        (ask("a"), "1: a=4"),
        (State(a="1"), "2: a=1"),
        (nack("1", "a"), ""),
        (State(a="2"), "3: a=2"),
        (State(a="4"), ""),
        (ack("2", "a"), ""),
        (ack("3", "a"), ""),
    )


def test_a_first_request_is_answered_with_the_last_good_one_if_the_newest_was_refused() -> None:
    player = play(
        Subscription,
        (State(a="1"), ""),
        (ask("a"), "1: a=1"),
        (ack("1", "a"), ""),
        (State(a="2"), "2: a=2"),
        (nack("2", "a"), "3: a=1"),
    )
    again = Player(Subscription, player.peer)
    again.play(State(a="2"))
    assert again.play(ask("a", version="1")) == "1: a=1"
