"""What an operator reads about relationships."""

from __future__ import annotations

from datetime import timedelta

from support.ca import TestCa
from support.clock import EPOCH
from support.federating import PARTNER, relationship

from accredit.agent.federation_text import relationships_text
from accredit.authority.federation.freshness import Held, Origin
from accredit.authority.federation.progress import Progress, describe
from accredit.identity.bundle import TrustBundle
from accredit.identity.moment import rfc3339

_ONE = relationship("https://partner.example/")


def text(bundle: TrustBundle | None, progress: Progress) -> list[str]:
    held = None if bundle is None else Held(bundle, Origin.ENDPOINT, EPOCH)
    _, line = relationships_text(
        [describe(_ONE, held, progress, timedelta(minutes=5))]
    ).splitlines()
    return line.split("  ")


def test_a_bundle_is_shown_with_its_age_and_next_fetch() -> None:
    line = text(TestCa(PARTNER).bundle(sequence=7), Progress(EPOCH, EPOCH, succeeded=EPOCH))
    assert [each.strip() for each in line if each] == [
        *("partner.example", "endpoint", "7", "2"),
        *("2026-01-01T00:00:00Z",) * 3,
    ]


def test_what_is_missing_is_said() -> None:
    progress = Progress()
    progress.failure(EPOCH, "no connection to partner.example: connection refused")
    line = " ".join(text(None, progress))
    assert "nowhere yet" in line
    assert "never" in line
    assert line.endswith("no connection to partner.example: connection refused")


def test_a_bundle_without_keys_is_said_to_distrust() -> None:
    assert "none: distrusted" in " ".join(text(TrustBundle(PARTNER, sequence=8), Progress()))


def test_fetches_are_counted_whatever_came_of_them() -> None:
    progress, hour = Progress(), timedelta(hours=1)
    progress.success(EPOCH)
    for _ in range(2):
        progress.failure(EPOCH + hour, "no connection")
    found = describe(_ONE, None, progress, hour)
    assert (found["fetches"], found["failed_fetches"], found["failures"]) == (3, 2, 2)
    assert found["succeeded"] == rfc3339(EPOCH)
