from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from support.clock import FakeClock
from support.fake_workload import FakeWorkload
from support.sds_peer import line, streams
from support.sds_playbook import MAX_AUDIENCES, NEVER, PARKED, Player, State, peer

from accredit.identity.errors import RequestError
from accredit.sds_server.names import Parked
from accredit.sds_server.peer import Peer
from accredit.sds_server.record import Totals
from accredit.sds_server.requests import Request
from accredit.sds_server.settings import Withdrawn
from accredit.sds_server.subscription import Subscription


def test_a_line_tells_the_life_of_a_secret() -> None:
    clock = FakeClock()
    envoy = peer(clock=clock)
    player = Player(Subscription, envoy)
    player.play(Request(("a",)))
    assert (line(envoy)["state"], line(envoy)["reason"]) == ("parked", "not granted")
    player.play(State(a="1"))
    assert line(envoy)["state"] == "sent"
    clock.advance(timedelta(seconds=1))
    player.play(Request(("a",), nonce="1"))
    assert line(envoy) == {
        "name": "a",
        "asked_at": "2026-01-01T00:00:00Z",
        "state": "accepted",
        "reason": "",
        "kind": "TLS certificate",
        "version": "1",
        "spiffe_id": "a",
        "serial": "5e",
        "not_after": "2026-01-01T01:00:00Z",
        "trust_domains": [],
        "sent_at": "2026-01-01T00:00:00Z",
        "accepted_at": "2026-01-01T00:00:01Z",
        "refused_at": None,
        "refusal": "",
        "pushes": 1,
        "acks": 1,
        "nacks": 0,
        "streams": 1,
    }
    player.play(State(a="2"))
    player.play(Request(("a",), nonce="2", error="KEY_VALUES_MISMATCH"))
    assert (line(envoy)["version"], line(envoy)["state"]) == ("1", "sent")
    assert (line(envoy)["nacks"], line(envoy)["refusal"]) == (1, "KEY_VALUES_MISMATCH")
    player.play(State(a=PARKED))
    assert line(envoy)["state"] == "withdrawn"
    player.play(State(a="1"))
    assert line(envoy)["state"] == "accepted"


def test_a_name_that_can_never_be_valid_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    player = Player(Subscription, envoy := peer())
    player.play(State(x=NEVER))
    player.play(Request(("x",)))
    player.play()
    assert line(envoy, "x")["state"] == "never"
    assert [record.message for record in caplog.records] == ["name can never be valid here"]


def test_two_streams_of_one_name_share_a_line_until_the_last_one_leaves() -> None:
    one, two = streams(envoy := peer(), State(a="1"), "a", "a")
    assert (line(envoy)["streams"], line(envoy)["pushes"]) == (2, 2)
    one.machine.state.close()
    assert line(envoy)["streams"] == 1
    two.machine.state.close()
    assert envoy.describe()["secrets"] == []


def test_the_connection_is_described_with_what_its_envoy_says_of_itself() -> None:
    envoy = peer()
    envoy.streams = 2
    assert envoy.describe() == {
        "pid": 4711,
        "uid": 1000,
        "node": "",
        "cluster": "",
        "agent": "",
        "streams": 2,
        "since": "2026-01-01T00:00:00Z",
        "secrets": [],
    }


def test_one_user_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    envoy = peer()
    for _ in range(100):
        player = Player(Subscription, envoy)
        player.play(State(x=NEVER))
        player.play(Request(("x",)))
        player.machine.state.close()
    assert len(caplog.records) == 20


def test_silence_is_counted_by_its_reason_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    totals = Totals()
    player = Player(
        Subscription, Peer(FakeWorkload(), FakeClock(), totals, Withdrawn.KEEP, MAX_AUDIENCES)
    )
    player.play(State(x=NEVER, b=Parked("failed the check", granted=True, failed=True)))
    player.play(Request(("a", "b", "x")))
    player.play()
    counters = totals.counters
    assert (counters.parked, counters.failed_checks, counters.never) == (2, 1, 1)
    told = [(vars(each)["resource"], vars(each)["reason"]) for each in caplog.records]
    assert told == [("a", "not granted"), ("b", "failed the check"), ("x", "not of this server")]


def test_only_so_many_audiences_are_asked_for_over_one_connection() -> None:
    envoy = peer()
    first, *_ = streams(envoy, State(), "jwt:1", "default", "ROOTCA", "jwt:2", "jwt:3", "jwt:2")
    other = Player(Subscription, envoy).machine.state
    with pytest.raises(RequestError, match="more than 3 audiences on one connection"):
        other.add(["jwt:4"])
    other.add(["hint:x", "jwt:1"])
    first.machine.state.close()
    with pytest.raises(RequestError, match="more than 3 audiences on one connection"):
        other.add(["jwt:4"])
    other.drop(["jwt:1"])
    other.add(["jwt:4"])
