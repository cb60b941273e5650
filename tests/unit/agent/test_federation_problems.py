"""What is told of relationships that are not as they should be, and what helps."""

from __future__ import annotations

from datetime import timedelta

from support.ca import TestCa
from support.clock import EPOCH
from support.federating import PARTNER, relationship

from accredit.agent.federation_problems import problems_of_relationships
from accredit.authority.federation.freshness import Held, Origin
from accredit.authority.federation.progress import Progress, describe
from accredit.identity.bundle import TrustBundle

_ONE = relationship("https://partner.example/")
_BUNDLE = TestCa(PARTNER, not_after=EPOCH + timedelta(days=9)).bundle(sequence=7)
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_SET = "run: accredit bundle set partner.example FILE"


def told(
    progress: Progress,
    bundle: TrustBundle | None = _BUNDLE,
    *,
    after: timedelta = timedelta(),
    origin: Origin = Origin.ENDPOINT,
) -> list[str]:
    """Return what is told ``after`` the bundle came, with a refresh every five minutes."""
    held = None if bundle is None else Held(bundle, origin, EPOCH)
    view = describe(_ONE, held, progress, 5 * _MINUTE)
    return list(problems_of_relationships([view], EPOCH + after))


def fetched(at: timedelta = timedelta(), failures: int = 0) -> Progress:
    """Return how it went: a good fetch, and a failure each five minutes afterwards."""
    progress = Progress()
    progress.success(EPOCH + at)
    for number in range(1, failures + 1):
        progress.failure(EPOCH + at + number * 5 * _MINUTE, "no connection to partner.example")
    return progress


def test_a_relationship_in_order_is_none() -> None:
    assert told(fetched()) == []
    assert told(fetched(_HOUR), after=_HOUR) == []
    assert told(Progress(), None) == []  # the first fetch is under way


def test_a_few_failures_are_none_as_long_as_the_bundle_is_fresh() -> None:
    assert told(fetched(failures=2), after=15 * _MINUTE) == []


def test_failures_for_longer_than_three_refreshes_are_told_with_reason_and_cure() -> None:
    [problem] = told(fetched(failures=3), after=16 * _MINUTE)
    assert problem == (
        "federation with partner.example: nothing fetched for 16m, the bundle held still counts;"
        " 3 tries have failed: no connection to partner.example; see whether"
        f" https://partner.example/ answers, or {_SET}"
    )


def test_a_bundle_that_nobody_refreshed_is_told_without_a_failure_too() -> None:
    [problem] = told(fetched(), after=_HOUR)
    assert problem.endswith(
        f"nothing fetched for 1h, the bundle held still counts; none was tried; {_SET}"
    )


def test_a_bundle_an_operator_brought_is_fresh_when_it_comes() -> None:
    before = Progress()
    before.success(EPOCH - _HOUR)
    assert told(before, origin=Origin.OPERATOR) == []
    before.failure(EPOCH, "no connection to partner.example")
    assert told(before, origin=Origin.OPERATOR)


def test_one_that_never_had_a_bundle_is_told_at_the_first_failure() -> None:
    progress = Progress()
    progress.failure(EPOCH, f"nothing fetched: no authority is here; give one, or {_SET}")
    [problem] = told(progress, None)
    assert problem == (
        "federation with partner.example: there is no bundle, nothing of it is trusted; 1 try has"
        f" failed: nothing fetched: no authority is here; give one, or {_SET}"
    )


def test_one_that_has_begun_and_was_never_fetched_is_told_after_three_refreshes() -> None:
    progress = Progress()
    progress.failure(EPOCH, "no connection to partner.example")
    assert told(progress, after=15 * _MINUTE, origin=Origin.BOOTSTRAP) == []
    [problem] = told(progress, after=16 * _MINUTE, origin=Origin.BOOTSTRAP)
    assert "nothing fetched for 16m" in problem


def test_a_bundle_whose_roots_have_expired_is_told() -> None:
    days = timedelta(days=9)
    [problem] = told(fetched(days), after=days)
    assert "every root in its bundle has expired, the last on 2026-01-10T00:00:00Z" in problem
    assert problem.endswith(_SET)


def test_a_bundle_without_a_key_is_told() -> None:
    [problem] = told(fetched(), TrustBundle(PARTNER, sequence=8))
    assert "its bundle has no key, nothing of it is trusted" in problem
