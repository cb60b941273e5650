from __future__ import annotations

import json
from datetime import timedelta

from support.clock import EPOCH
from support.sds_playbook import secret

from accredit.sds_server.record import Line, Refusal, State, Totals, plain


def test_an_answer_about_an_older_version_changes_no_state() -> None:
    line = Line("a", EPOCH)
    line.sent(secret("a", "1"), EPOCH)
    line.sent(secret("a", "2"), EPOCH)
    line.accepted("1", EPOCH)
    assert (line.state, line.acks, line.accepted_at) == (State.SENT, 1, None)
    line.refused("1", "bad", EPOCH)
    assert (line.state, line.nacks, line.refusal) == (State.SENT, 1, "bad")
    line.accepted("2", EPOCH + timedelta(seconds=1))
    assert (line.state, line.accepted_at) == (State.ACCEPTED, EPOCH + timedelta(seconds=1))


def test_a_reason_is_news_once() -> None:
    line = Line("a", EPOCH)
    assert line.stopped(State.PARKED, "not granted")
    assert not line.stopped(State.PARKED, "not granted")
    assert line.stopped(State.PARKED, "nobody can sign it just now")
    assert line.stopped(State.WITHDRAWN, "nobody can sign it just now")


def test_sending_ends_the_reason_for_silence() -> None:
    line = Line("a", EPOCH)
    line.stopped(State.PARKED, "not granted")
    line.sent(secret("a", "1"), EPOCH)
    assert (line.state, line.reason) == (State.SENT, "")


def test_all_of_it_is_json() -> None:
    totals = Totals()
    totals.refusals.append(Refusal(EPOCH, 1, "n", "a", "1", "5e", "bad"))
    line = Line("a", EPOCH)
    line.sent(secret("T", "1"), EPOCH)
    told = json.loads(json.dumps([totals.describe(), line.describe()]))
    assert told[0]["recent_refusals"][0]["at"] == "2026-01-01T00:00:00Z"
    assert told[0]["counters"]["nacks"] == 0
    assert told[1]["trust_domains"] == ["td.example"]
    assert plain({"a": None, "b": 1}) == {"a": None, "b": 1}


def test_the_memory_of_refusals_is_bounded() -> None:
    totals = Totals()
    for number in range(1000):
        totals.refusals.append(Refusal(EPOCH, number, "n", "a", "1", "5e", "bad"))
    assert len(totals.refusals) == 100
    assert totals.refusals[-1].pid == 999
