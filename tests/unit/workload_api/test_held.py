from __future__ import annotations

from datetime import timedelta

import pytest

from accredit.identity.errors import (
    AccreditError,
    AttestationError,
    NotEntitledError,
    RequestError,
    ResponseError,
    UnavailableError,
    UnimplementedError,
)
from accredit.rotation.schedule import Backoff
from accredit.workload_api.held import Held, Reaction, Retries, reaction


def read(message: str) -> str:
    if not message:
        raise ResponseError("svids is empty")
    return message.upper()


@pytest.mark.rows("WE-09", "WE-26")
@pytest.mark.parametrize("kind", [RequestError, UnimplementedError])
def test_some_answers_are_final(kind: type[AccreditError]) -> None:
    assert reaction(kind("no")) is Reaction.STOP


@pytest.mark.parametrize("kind", [UnavailableError, AttestationError])
def test_other_answers_may_change(kind: type[AccreditError]) -> None:
    assert reaction(kind("no")) is Reaction.RETRY


@pytest.mark.rows("WC-14")
def test_a_message_replaces_everything() -> None:
    assert Held("OLD", "a problem").received("new", read) == Held("NEW")


@pytest.mark.rows("WC-17")
def test_a_message_that_breaks_a_rule_is_reported_and_changes_nothing() -> None:
    assert Held("OLD").received("", read) == Held("OLD", "svids is empty")


@pytest.mark.rows("XS-16", "XB-07", "JB-09")
def test_a_refusal_takes_everything_away() -> None:
    assert Held("OLD").ended(NotEntitledError("gone")) == Held(None, "gone")


def test_a_broken_stream_takes_nothing_away() -> None:
    assert Held("OLD").ended(UnavailableError("down")) == Held("OLD", "down")


@pytest.mark.rows("WC-07")
def test_a_stream_that_lasted_is_called_again_at_once() -> None:
    retries = Retries(Backoff())
    assert retries.wait(Reaction.RETRY, 60.0, 0) == timedelta()


@pytest.mark.rows("WE-23")
def test_failures_in_a_row_wait_longer_and_longer_and_not_for_ever() -> None:
    retries = Retries(Backoff(timedelta(seconds=1), timedelta(seconds=10)))
    waits = [retries.wait(Reaction.RETRY, 0.0, 0).total_seconds() for _ in range(6)]
    assert waits == [1, 2, 4, 8, 10, 10]


def test_a_stream_that_breaks_right_after_its_first_message_is_not_called_in_a_circle() -> None:
    retries = Retries(Backoff())
    waits = [retries.wait(Reaction.RETRY, 0.5, 0).total_seconds() for _ in range(3)]
    assert waits == [1, 2, 4]


@pytest.mark.rows("WE-25", "XS-13", "XB-04", "JB-06")
def test_a_refusal_is_never_followed_by_a_call_at_once() -> None:
    retries = Retries(Backoff())
    waits = [retries.wait(Reaction.FORGET, lasted, 0).total_seconds() for lasted in (60.0, 0, 0)]
    assert waits == [1, 1, 2]
