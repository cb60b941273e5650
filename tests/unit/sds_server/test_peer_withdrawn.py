"""What an Envoy holds that it may no longer have."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from support.clock import EPOCH
from support.sds_peer import NOBODY_NOW, line, streams
from support.sds_playbook import PARKED, Player, State, peer

from accredit.sds_server.names import Parked
from accredit.sds_server.requests import Request
from accredit.sds_server.secrets import Secret, nobody
from accredit.sds_server.settings import Withdrawn
from accredit.sds_server.subscription import Subscription


@pytest.mark.parametrize("withdrawn", Withdrawn)
def test_a_context_that_is_revoked_is_replaced_by_one_that_trusts_nobody(
    withdrawn: Withdrawn,
) -> None:
    (player,) = streams(peer(withdrawn), State(T="1"), "T")
    (message,) = [player.play(State(T=NOBODY_NOW))]
    assert message.startswith("2: T=")
    assert message != "2: T=1"
    assert player.play() == ""
    assert player.play(State(T="1")) == "3: T=1"


def test_nobody_is_told_to_trust_nobody_who_held_nothing() -> None:
    player = Player(Subscription)
    player.play(State(T=NOBODY_NOW))
    assert player.play(Request(("T",))) == ""


def test_an_envoy_that_reconnects_is_told_to_trust_nobody_too() -> None:
    player = Player(Subscription)
    player.play(State(T=NOBODY_NOW))
    assert player.play(Request(("T",), version="1")).startswith("1: T=")


def test_by_default_a_withdrawn_certificate_changes_nothing_else() -> None:
    cert, roots = streams(peer(Withdrawn.KEEP), State(c="1", R="1"), "c", "R")
    assert cert.play(State(c=PARKED, R="1")) == ""
    assert roots.play(State(c=PARKED, R="1")) == ""


def test_cut_closes_the_door_of_an_envoy_that_lost_its_certificate_and_opens_it_again() -> None:
    woken: list[Player] = []
    cert, roots = streams(envoy := peer(Withdrawn.CUT), State(c="1", R="1"), "c", "R")
    envoy.wakers.add(lambda: woken.append(roots))
    assert roots.play(State(c=PARKED, R="1")) == ""
    assert cert.play(State(c=PARKED, R="1")) == ""
    assert woken == [roots]
    closed = roots.play()
    assert closed.startswith("2: R=")
    assert closed != "2: R=1"
    assert cert.play(State(c="2", R="1")) == "2: c=2"
    assert woken == [roots, roots]
    assert roots.play(State(c="2", R="1")) == "3: R=1"


def test_cut_spares_an_envoy_whose_certificate_is_only_late() -> None:
    late = Parked("nobody can sign it just now", certificate=True, granted=True)
    cert, roots = streams(peer(Withdrawn.CUT), State(c="1", R="1"), "c", "R")
    assert cert.play(State(c=late, R="1")) == ""
    assert roots.play(State(c=late, R="1")) == ""


def test_cut_ends_when_the_lost_certificate_is_asked_for_no_more() -> None:
    cert, roots = streams(peer(Withdrawn.CUT), State(c="1", R="1"), "c", "R")
    cert.play(State(c=PARKED, R="1"))
    assert roots.play().startswith("2: R=")
    cert.machine.state.close()
    assert roots.play() == "3: R=1"


def test_streams_that_disagree_about_a_certificate_do_not_wake_each_other_for_ever() -> None:
    wakes: list[None] = []
    old, new = streams(envoy := peer(Withdrawn.CUT), State(c="1"), "c", "c")
    envoy.wakers.add(lambda: wakes.append(None))
    new.state = State(c=PARKED)
    for _ in range(10):
        new.play()
        old.play()
    assert len(wakes) == 1


def test_a_revoked_context_says_why_and_is_not_reported_again_and_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    (player,) = streams(envoy := peer(), State(T="1"), "T")
    player.play(State(T=NOBODY_NOW))
    player.play(Request(("T",), nonce="2"))
    player.play()
    assert line(envoy, "T")["trust_domains"] == []
    assert line(envoy, "T")["state"] == "accepted"
    assert line(envoy, "T")["reason"] == "no registration entry matches the caller"
    assert caplog.records == []


def test_cut_closes_validation_contexts_and_leaves_tokens_alone() -> None:
    token = Secret("jwt:x", "t1", b"", b"", spiffe_id="a", not_after=EPOCH + timedelta(hours=1))
    player = Player(Subscription, peer(Withdrawn.CUT))
    player.play(State(a="1", C="1"))
    player.play(Request(("a", "C", "jwt:x")))
    cut = State(a=PARKED, C="1")
    cut._answers["jwt:x"] = token
    assert player.play(cut) == f"2: C={nobody('C').version} jwt:x=t1"
