from __future__ import annotations

import pytest
from support.sds_playbook import NEVER, Player, State, play

from accredit.identity.errors import RequestError
from accredit.sds_server.delta_subscription import DeltaSubscription
from accredit.sds_server.requests import DeltaRequest


def ask(*names: str, **versions: str) -> DeltaRequest:
    return DeltaRequest(subscribe=names, versions=versions)


def leave(*names: str) -> DeltaRequest:
    return DeltaRequest(unsubscribe=names)


def ack(nonce: str) -> DeltaRequest:
    return DeltaRequest(nonce=nonce)


def nack(nonce: str) -> DeltaRequest:
    return DeltaRequest(nonce=nonce, error="KEY_VALUES_MISMATCH")


def test_a_secret_is_sent_once_and_again_when_it_changes() -> None:
    play(
        DeltaSubscription,
        (State(a="1"), ""),
        (ask("a"), "1: a=1"),
        (ack("1"), ""),
        (State(a="1"), ""),
        (State(a="2"), "2: a=2"),
    )


def test_names_come_and_go_one_by_one() -> None:
    play(
        DeltaSubscription,
        (State(a="1", b="1"), ""),
        (ask("a"), "1: a=1"),
        (ask("b"), "2: b=1"),
        (leave("a"), ""),
        (State(a="2", b="2"), "3: b=2"),
    )


def test_subscribing_again_brings_the_secret_again() -> None:
    play(
        DeltaSubscription,
        (State(a="1"), ""),
        (ask("a"), "1: a=1"),
        (ack("1"), ""),
        (ask("a"), "2: a=1"),
        (leave("a"), ""),
        (ask("a"), "3: a=1"),
    )


def test_after_a_reconnect_only_what_differs_is_sent() -> None:
    play(
        DeltaSubscription,
        (State(a="1", b="2"), ""),
        (ask("a", "b", a="1", b="1"), "1: b=2"),
        (ack("1"), ""),
        (State(a="2", b="2"), "2: a=2"),
    )


def test_versions_of_names_that_are_not_asked_for_are_ignored() -> None:
    play(
        DeltaSubscription,
        (State(a="1", b="1"), ""),
        (ask("a", b="1"), "1: a=1"),
        (ask("b"), "2: b=1"),
    )


def test_after_a_reconnect_the_version_the_client_kept_counts_as_good() -> None:
    play(
        DeltaSubscription,
        (State(a="1"), ""),
        (ask("a", a="1"), ""),
        (State(a="2"), "1: a=2"),
        (nack("1"), "2: a=1"),
    )


def test_a_name_that_can_never_be_valid_is_removed_once_per_subscription() -> None:
    play(
        DeltaSubscription,
        (State(a="1", x=NEVER), ""),
        (ask("a", "x"), "1: a=1 -x"),
        (ack("1"), ""),
        (State(a="2", x=NEVER), "2: a=2"),
        (ask("x"), "3: -x"),
        (ack("3"), ""),
    )


def test_a_name_that_can_never_be_valid_is_answered_once_the_caller_is_known() -> None:
    player = Player(DeltaSubscription)
    player.machine.receive(ask("x"))
    assert player.play(State(x=NEVER)) == "1: -x"


def test_a_parked_name_is_not_removed() -> None:
    play(
        DeltaSubscription,
        (State(), ""),
        (ask("a"), ""),
        (State(a="1"), "1: a=1"),
        (State(), ""),
    )


def test_a_refused_secret_is_replaced_by_the_last_good_one_and_never_sent_again() -> None:
    play(
        DeltaSubscription,
        (State(a="1"), ""),
        (ask("a"), "1: a=1"),
        (ack("1"), ""),
        (State(a="2"), "2: a=2"),
        (nack("2"), "3: a=1"),
        (ack("3"), ""),
        (State(a="2"), ""),
        (ask("a"), "4: a=1"),
        (State(a="3"), "5: a=3"),
    )


def test_a_verdict_counts_for_the_message_it_names() -> None:
    play(
        DeltaSubscription,
        (State(a="1", b="1"), ""),
        (ask("a"), "1: a=1"),
        (ask("b"), "2: b=1"),
        (nack("1"), ""),
        (ack("2"), ""),
        (State(a="2", b="2"), "3: a=2 b=2"),
        (nack("3"), "4: b=1"),
    )


def test_no_name_at_first_asks_for_everything() -> None:
    play(
        DeltaSubscription,
        (State(a="1", T="1"), ""),
        (ask(a="1"), "1: T=1"),
        (ack("1"), ""),
        (State(a="1", T="1", b="1"), "2: b=1"),
    )


def test_unsubscribing_from_an_unknown_name_is_harmless() -> None:
    play(DeltaSubscription, (State(a="1"), ""), (ask("a"), "1: a=1"), (leave("b"), ""))


def test_more_names_than_one_stream_may_ask_for_are_refused() -> None:
    player = Player(DeltaSubscription)
    player.play(ask(*"abcdefgh"))
    player.play(leave("a"))
    player.play(ask("i"))
    with pytest.raises(RequestError, match="more than 8 resource names on one stream"):
        player.play(ask("j"))


def test_a_name_that_was_given_up_before_it_was_answered_is_not_answered() -> None:
    player = Player(DeltaSubscription)
    player.machine.receive(ask("x"))
    player.machine.receive(leave("x"))
    assert player.play(State(x=NEVER)) == ""
