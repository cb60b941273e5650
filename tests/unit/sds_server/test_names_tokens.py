"""Names of tokens."""

from __future__ import annotations

from support.entries import entry
from support.sds_names import API, CA, EMPTY, WEB, meaning
from support.snapshots import snapshot

from accredit.sds_server.names import BearerToken, Never, Parked
from accredit.sds_server.node import Node


def test_a_token_is_named_by_its_audience_and_is_the_default_identitys() -> None:
    assert meaning("jwt:https://api.example/") == BearerToken(API, "https://api.example/")
    assert meaning("jwt:a,b") == BearerToken(API, "a,b")
    assert meaning("jwt:a", node=Node(hint="public")) == BearerToken(WEB, "a")
    assert meaning("jwt:a", node=Node(spiffe_id="spiffe://prod.example/web")) == BearerToken(
        WEB, "a"
    )
    marked = entry("/web", default=True, order=2)
    assert meaning("jwt:a", snapshot(CA, API, marked)) == BearerToken(marked, "a")


def test_a_token_does_not_wait_for_the_certificate() -> None:
    assert meaning("jwt:a", snapshot(CA, pending=[WEB])) == BearerToken(WEB, "a")


def test_a_token_that_is_not_granted_is_parked() -> None:
    assert meaning("jwt:a", EMPTY) == Parked("no registration entry matches the caller")
    assert meaning("jwt:a", EMPTY, allow_unauthenticated_verifiers=True) == meaning("jwt:a", EMPTY)
    assert meaning("jwt:a", node=Node(hint="admin")) == Parked(
        "no entry of the caller has the hint 'admin'"
    )


def test_a_token_without_an_audience_or_with_an_endless_one_can_never_be_had() -> None:
    answer = meaning("jwt:")
    assert isinstance(answer, Never)
    assert "needs an audience" in answer.reason
    assert meaning("jwt:" + "ä" * 4, max_audience_bytes=8) == BearerToken(API, "ääää")
    assert meaning("jwt:" + "ä" * 5, max_audience_bytes=8) == Never(
        "an audience is longer than 8 bytes"
    )
