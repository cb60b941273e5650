"""Secrets that an Envoy refused."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from support.clock import FakeClock
from support.fake_workload import FakeWorkload
from support.sds_peer import NOBODY_NOW, line, streams
from support.sds_playbook import MAX_AUDIENCES, Player, State, peer

from accredit.sds_server.peer import Peer
from accredit.sds_server.record import Totals
from accredit.sds_server.requests import Request
from accredit.sds_server.settings import Withdrawn
from accredit.sds_server.subscription import Subscription


def test_with_nothing_to_return_to_a_line_stays_refused() -> None:
    (player,) = streams(envoy := peer(), State(), "a")
    player.play(State(a="1"))
    player.play(Request(("a",), nonce="1", error="garbage"))
    assert line(envoy)["state"] == "refused"


def test_a_refusal_is_logged_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    player = Player(Subscription)
    player.play(State(a="1"))
    player.play(Request(("a",)))
    player.play(Request(("a",), nonce="1", error="KEY_VALUES_MISMATCH"))
    (record,) = caplog.records
    assert (record.levelno, record.message) == (logging.ERROR, "envoy refused a secret")
    facts = vars(record)
    assert (facts["resource"], facts["serial"], facts["pid"]) == ("a", "5e", 4711)
    assert facts["error"] == "KEY_VALUES_MISMATCH"


def test_what_one_stream_saw_refused_is_not_sent_on_another() -> None:
    one, two = streams(envoy := peer(), State(a="1"), "a", "a")
    assert one.play(State(a="2")) == "2: a=2"
    one.play(Request(("a",), nonce="2", error="bad"))
    assert two.play(State(a="2")) == ""
    three = Player(Subscription, envoy)
    three.play(State(a="2"))
    assert three.play(Request(("a",))) == "1: a=1"


def test_an_older_secret_that_has_expired_is_not_restored() -> None:
    clock = FakeClock()
    (player,) = streams(peer(clock=clock), State(a="1"), "a")
    player.play(State(a="2"))
    clock.advance(timedelta(hours=2))
    assert player.play(Request(("a",), nonce="2", error="bad")) == ""


def test_a_refused_context_is_not_replaced_by_one_that_trusts_more() -> None:
    (player,) = streams(peer(), State(T="1"), "T")
    assert player.play(State(T=NOBODY_NOW)).startswith("2: T=")
    assert player.play(Request(("T",), nonce="2", error="empty")) == ""


def test_a_healing_stream_wakes_those_it_suspects() -> None:
    woken = 0

    def wake() -> None:
        nonlocal woken
        woken += 1

    cert, roots = streams(envoy := peer(), State(c="1", R="1"), "c", "R")
    envoy.wakers.add(wake)
    cert.play(State(c="2", R="2"))
    roots.play(State(c="2", R="2"))
    assert cert.play(Request(("c",), nonce="2", error="bad")) == "3: c=1"
    assert roots.play(Request(("R",), nonce="2", error="bad")) == ""
    assert woken == 0
    assert cert.play(Request(("c",), nonce="3", error="bad")) == ""
    assert woken == 1
    assert roots.play() == "3: R=1"


def test_what_was_good_is_forgotten_with_the_last_stream_that_asked_for_it() -> None:
    (player,) = streams(envoy := peer(), State(a="1"), "a")
    player.play(State(a="2"))
    player.play(Request(("a",), nonce="2", error="bad"))
    player.machine.state.close()
    again = Player(Subscription, envoy)
    again.play(State(a="2"))
    assert again.play(Request(("a",))) == ""
    assert again.play(State(a="3")) == "1: a=3"


def test_a_refusal_of_what_is_asked_for_no_more_is_counted_all_the_same() -> None:
    totals = Totals()
    envoy = Peer(FakeWorkload(), FakeClock(), totals, Withdrawn.KEEP, MAX_AUDIENCES)
    (player,) = streams(envoy, State(a="1"), "a")
    player.play(State(a="2", b="1"))
    player.machine.state.drop(["a"])
    player.play(Request(("b",), nonce="2", error="bad"))
    assert [(each.name, each.version) for each in totals.refusals] == [("a", "2")]
    assert line(envoy, "b")["nacks"] == 0
