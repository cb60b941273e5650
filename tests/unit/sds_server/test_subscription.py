from __future__ import annotations

import pytest
from support.sds_playbook import NEVER, PARKED, Player, State, play
from support.sds_requests import ack, ask

from accredit.identity.errors import RequestError
from accredit.sds_server.requests import Request
from accredit.sds_server.subscription import Subscription


def test_a_secret_is_sent_once_and_again_when_it_changes() -> None:
    play(
        Subscription,
        (State(a="1"), ""),
        (ask("a"), "1: a=1"),
        (ack("1", "a", version="1"), ""),
        (State(a="1"), ""),
        (State(a="2"), "2: a=2"),
        (ack("2", "a", version="2"), ""),
    )


def test_an_update_does_not_wait_for_the_acknowledgement_of_the_one_before() -> None:
    play(
        Subscription,
        (ask("a"), ""),
        (State(a="1"), "1: a=1"),
        (State(a="2"), "2: a=2"),
        (ack("1", "a"), ""),
        (ack("2", "a"), ""),
    )


def test_only_what_changed_is_sent() -> None:
    play(
        Subscription,
        (State(a="1", b="1", c="1"), ""),
        (ask("a", "b"), "1: a=1 b=1"),
        (ack("1", "a", "b"), ""),
        (State(a="1", b="2", c="2"), "2: b=2"),
    )


def test_the_first_request_is_answered_whatever_version_and_nonce_it_carries() -> None:
    play(
        Subscription,
        (State(a="1"), ""),
        (Request(("a",), version="1", nonce="17"), "1: a=1"),
    )


def test_a_parked_name_is_sent_the_moment_it_is_granted_and_holds_up_no_other() -> None:
    play(
        Subscription,
        (State(b="1"), ""),
        (ask("a", "b"), "1: b=1"),
        (ack("1", "a", "b"), ""),
        (State(a="1", b="1"), "2: a=1"),
    )


def test_names_that_can_never_be_valid_are_met_with_silence_and_cost_the_others_nothing() -> None:
    play(
        Subscription,
        (State(a="1", x=NEVER), ""),
        (ask("x"), ""),
        (ask("x", "a"), "1: a=1"),
    )


def test_before_the_first_message_names_may_change_without_a_nonce() -> None:
    play(
        Subscription,
        (ask("a"), ""),
        (ask("b"), ""),
        (State(a="1", b="1"), "1: b=1"),
    )


def test_an_acknowledgement_with_more_names_is_answered_with_those() -> None:
    play(
        Subscription,
        (State(a="1", b="1"), ""),
        (ask("a"), "1: a=1"),
        (ack("1", "a", "b", version="1"), "2: b=1"),
        (ack("2", "a", "b"), ""),
    )


def test_a_shorter_list_is_obeyed_in_silence_and_a_name_that_returns_is_sent_again() -> None:
    play(
        Subscription,
        (State(a="1", b="1"), ""),
        (ask("a", "b"), "1: a=1 b=1"),
        (ack("1", "a"), ""),
        (State(a="1", b="2"), ""),
        (ack("1", "a", "b"), "2: b=2"),
    )


def test_a_request_without_a_nonce_is_stale_once_something_was_sent() -> None:
    play(
        Subscription,
        (State(a="1", b="1"), ""),
        (ask("a"), "1: a=1"),
        (ask("a", "b"), ""),
        (ack("1", "a", "b"), "2: b=1"),
    )


def test_no_name_at_first_asks_for_everything_and_for_what_comes_later() -> None:
    play(
        Subscription,
        (State(a="1", T="1"), ""),
        (ask(), "1: a=1 T=1"),
        (ack("1"), ""),
        (State(a="1", T="2", b="1"), "2: T=2 b=1"),
        (ack("2"), ""),
        (State(T="2"), ""),
    )


def test_everything_ends_with_the_first_list_of_names() -> None:
    play(
        Subscription,
        (State(a="1", b="1"), ""),
        (ask(), "1: a=1 b=1"),
        (ack("1", "a"), ""),
        (State(a="2", b="2"), "2: a=2"),
    )


def test_no_name_after_a_list_of_names_asks_for_nothing_more() -> None:
    play(
        Subscription,
        (State(a="1", b="1"), ""),
        (ask("a"), "1: a=1"),
        (ack("1", version="1"), ""),
        (State(a="2", b="2"), ""),
        (ack("1", "b"), "2: b=2"),
    )


def test_a_withdrawn_secret_is_met_with_silence_and_returns_when_it_differs() -> None:
    play(
        Subscription,
        (State(a="1"), ""),
        (ask("a"), "1: a=1"),
        (ack("1", "a"), ""),
        (State(a=PARKED), ""),
        (State(a="1"), ""),
        (State(a=PARKED), ""),
        (State(a="2"), "2: a=2"),
    )


def test_one_version_stands_for_all_that_was_sent() -> None:
    one, two = Player(Subscription), Player(Subscription)
    one.state, two.state = State(a="1", b="1"), State(b="1", a="1")
    messages = []
    for player in (one, two):
        player.machine.receive(ask("a", "b"))
        messages.append(player.machine.respond(player.state).version)
    assert messages[0] == messages[1]
    one.machine.receive(ack("1", "a", "b"))
    changed = one.machine.respond(State(a="2", b="1")).version
    assert changed not in (messages[0], "2")


def test_the_version_of_a_single_secret_is_its_own() -> None:
    player = Player(Subscription)
    player.machine.receive(ask("a"))
    assert player.machine.respond(State(a="17")).version == "17"


def test_more_names_than_one_stream_may_ask_for_are_refused() -> None:
    player = Player(Subscription)
    with pytest.raises(RequestError, match="more than 8 resource names on one stream"):
        player.play(ask(*"abcdefghi"))


def test_closing_gives_every_name_back() -> None:
    player = play(Subscription, (State(a="1"), ""), (ask("a", "b"), "1: a=1"))
    player.machine.state.close()
    assert player.peer.describe()["secrets"] == []
