from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from support.clock import EPOCH, FakeClock
from support.fake_workload import FakeWorkload
from support.sds_playbook import MAX_AUDIENCES, NEVER, PARKED, Player, State, peer

from accredit.identity.errors import RequestError
from accredit.sds_server.names import Parked
from accredit.sds_server.peer import Peer
from accredit.sds_server.record import Totals
from accredit.sds_server.requests import Request
from accredit.sds_server.secrets import Secret, nobody
from accredit.sds_server.settings import Withdrawn
from accredit.sds_server.subscription import Subscription

NOBODY_NOW = Parked("no registration entry matches the caller", revoked=True)


def line(of: Peer, name: str = "a") -> dict[str, Any]:
    found = [each for each in of.describe()["secrets"] if each["name"] == name]  # type: ignore[attr-defined]
    assert len(found) == 1
    return dict(found[0])


def streams(of: Peer, state: State, *names: str) -> list[Player]:
    """Return one stream for each name, as Envoy opens them, with its secret accepted."""
    players = []
    for name in names:
        player = Player(Subscription, of)
        player.play(state)
        player.play(Request((name,)))
        player.play(Request((name,), nonce="1"))
        players.append(player)
    return players


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


def test_with_nothing_to_return_to_a_line_stays_refused() -> None:
    (player,) = streams(envoy := peer(), State(), "a")
    player.play(State(a="1"))
    player.play(Request(("a",), nonce="1", error="garbage"))
    assert line(envoy)["state"] == "refused"


def test_a_name_that_can_never_be_valid_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    player = Player(Subscription, envoy := peer())
    player.play(State(x=NEVER))
    player.play(Request(("x",)))
    player.play()
    assert line(envoy, "x")["state"] == "never"
    assert [record.message for record in caplog.records] == ["name can never be valid here"]


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


def test_two_streams_of_one_name_share_a_line_until_the_last_one_leaves() -> None:
    one, two = streams(envoy := peer(), State(a="1"), "a", "a")
    assert (line(envoy)["streams"], line(envoy)["pushes"]) == (2, 2)
    one.machine.state.close()
    assert line(envoy)["streams"] == 1
    two.machine.state.close()
    assert envoy.describe()["secrets"] == []


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


def test_one_user_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    envoy = peer()
    for _ in range(100):
        player = Player(Subscription, envoy)
        player.play(State(x=NEVER))
        player.play(Request(("x",)))
        player.machine.state.close()
    assert len(caplog.records) == 20


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


def test_cut_closes_validation_contexts_and_leaves_tokens_alone() -> None:
    token = Secret("jwt:x", "t1", b"", b"", spiffe_id="a", not_after=EPOCH + timedelta(hours=1))
    player = Player(Subscription, peer(Withdrawn.CUT))
    player.play(State(a="1", C="1"))
    player.play(Request(("a", "C", "jwt:x")))
    cut = State(a=PARKED, C="1")
    cut._answers["jwt:x"] = token
    assert player.play(cut) == f"2: C={nobody('C').version} jwt:x=t1"
