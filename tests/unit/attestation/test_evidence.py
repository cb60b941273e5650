from __future__ import annotations

from accredit.attestation.evidence import Evidence, joined
from accredit.identity.selector import Selector

UID = Selector("unix", "uid:1000")
USER = Selector("unix", "user:web")


def test_what_did_not_fail_is_not_partial() -> None:
    assert not Evidence(frozenset({UID})).partial


def test_what_failed_is_partial_whatever_else_is_known() -> None:
    assert Evidence(frozenset({UID}), {"docker": "is down"}).partial


def test_parts_are_joined_with_their_failures() -> None:
    whole = joined(
        [
            Evidence(frozenset({UID}), {"docker": "is down"}, retry=True),
            Evidence(frozenset({USER}), {"unix:path": "not allowed"}),
        ]
    )
    assert whole.selectors == {UID, USER}
    assert whole.failures == {"docker": "is down", "unix:path": "not allowed"}
    assert whole.retry


def test_what_cannot_be_helped_is_not_tried_again() -> None:
    assert not joined([Evidence(frozenset(), {"unix:path": "not allowed"})]).retry


def test_nothing_is_joined_to_nothing() -> None:
    assert joined([]) == Evidence(frozenset())
