"""What is wrong with an agent, and when nothing is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from support.clock import EPOCH

from accredit.agent.problems import problems, problems_of_files
from accredit.rotation.status import EntryStatus, RotationStatus, TokenStatus

_HOUR = timedelta(hours=1)


def ca(begin: datetime, end: datetime, state: str = "active") -> dict[str, Any]:
    signer = {"state": state, "not_before": begin.isoformat(), "not_after": end.isoformat()}
    return {"roots": [signer], "jwt_keys": []}


def rotation(*, not_after: datetime | None = None, failures: int = 0) -> RotationStatus:
    entry = EntryStatus("e", "spiffe://a/b", "1", not_after, None, True, 1, failures, "no signer")
    return RotationStatus(watchers=1, rotations=1, failures=failures, entries=(entry,))


_GOOD = ca(EPOCH - _HOUR, EPOCH + _HOUR)


def test_an_agent_in_order_has_none() -> None:
    assert problems(_GOOD, rotation(not_after=EPOCH + _HOUR), EPOCH) == []


@pytest.mark.parametrize(
    ("begin", "end"), [(EPOCH - _HOUR, EPOCH), (EPOCH + _HOUR, EPOCH + 2 * _HOUR)]
)
def test_a_signer_outside_its_time_is_one(begin: datetime, end: datetime) -> None:
    found = problems(ca(begin, end), rotation(), EPOCH)
    assert found == ["the root that signs is not valid at this time of the clock"]


def test_an_old_signer_may_have_expired() -> None:
    assert problems(ca(EPOCH - _HOUR, EPOCH, "old"), rotation(), EPOCH) == []


def test_renewals_that_fail_are_told_with_their_reason() -> None:
    found = problems(_GOOD, rotation(not_after=EPOCH, failures=3), EPOCH)
    assert found == [
        "spiffe://a/b: its SVID has expired",
        "spiffe://a/b: 3 tries to renew it failed: no signer",
    ]


def test_tokens_that_cannot_be_signed_are_told_with_their_reason() -> None:
    token = TokenStatus("spiffe://a/b", "api", None, None, 1, 0, 2, "no signer")
    found = problems(_GOOD, RotationStatus(0, 0, 0, (), (token,)), EPOCH)
    assert found == ["spiffe://a/b: its JWT-SVID for 'api': 2 tries to sign it failed: no signer"]


def test_files_with_mistakes_are_told_by_the_first_one() -> None:
    assert list(problems_of_files("", "")) == []
    entries, configuration = problems_of_files("a:2: id: no", "a:1: x\na:3: y\nb: z")
    stays = "not reloaded; what is at work stays:"
    assert entries == f"entries {stays} a:2: id: no"
    assert configuration == f"configuration {stays} a:1: x (and 2 more: accredit check)"
