from __future__ import annotations

import pytest
from support.clock import FakeClock
from support.fake_workload import FakeCaller, FakeWorkload
from support.sds_playbook import Player, State

from accredit.sds_server.ledger import Ledger
from accredit.sds_server.requests import Request
from accredit.sds_server.subscription import Subscription


def pids(ledger: Ledger) -> list[object]:
    connections = ledger.describe()["connections"]
    assert isinstance(connections, list)
    return [each["pid"] for each in connections]


def test_streams_of_one_connection_share_a_peer_and_others_do_not() -> None:
    ledger = Ledger(FakeClock())
    mine, theirs = FakeWorkload(), FakeWorkload(caller=FakeCaller(pid=4712))
    with ledger.stream(mine) as one, ledger.stream(mine) as two, ledger.stream(theirs) as three:
        assert one is two
        assert three is not one
        assert one.streams == 2
        assert pids(ledger) == [4711, 4712]
    assert pids(ledger) == []


def test_a_connection_is_forgotten_with_its_last_stream_even_if_that_failed() -> None:
    ledger = Ledger(FakeClock())
    with pytest.raises(ZeroDivisionError), ledger.stream(FakeWorkload()):
        raise ZeroDivisionError
    assert pids(ledger) == []


def test_totals_and_refusals_outlive_the_connections() -> None:
    ledger = Ledger(FakeClock())
    with ledger.stream(FakeWorkload()) as peer:
        player = Player(Subscription, peer)
        player.play(State(a="1"))
        player.play(Request(("a", "b")))
        player.play(Request(("a", "b"), nonce="1", error="KEY_VALUES_MISMATCH"))
        player.play(State(a="2"))
        player.play(Request(("a", "b"), nonce="2"))
    told = ledger.describe()
    assert told["counters"] == {
        "pushes": 2,
        "acks": 1,
        "nacks": 1,
        "parked": 1,
        "never": 0,
        "failed_checks": 0,
    }
    assert told["recent_refusals"] == [
        {
            "at": "2026-01-01T00:00:00Z",
            "pid": 4711,
            "node": "",
            "name": "a",
            "version": "1",
            "serial": "5e",
            "text": "KEY_VALUES_MISMATCH",
        }
    ]
    assert ledger.counters.pushes == 2
