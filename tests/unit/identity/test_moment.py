from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from accredit.identity.moment import rfc3339


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (datetime(2026, 1, 31, 12, 0, 1, 999999, UTC), "2026-01-31T12:00:01Z"),
        (datetime(2026, 1, 31, 1, tzinfo=timezone(timedelta(hours=2))), "2026-01-30T23:00:00Z"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "9999-12-31T23:59:59Z"),
    ],
)
def test_text_is_in_utc_and_can_be_read_back(when: datetime, text: str) -> None:
    assert rfc3339(when) == text
    assert datetime.fromisoformat(text) == when.replace(microsecond=0)
