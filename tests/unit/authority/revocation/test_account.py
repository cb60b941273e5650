"""Numbers of lists, and a full disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from support.clock import DAY, EPOCH, FakeClock
from support.revoking import issued, let_pass, numbers, opened, running

from accredit.authority.revocation.revocations import Revocations
from accredit.identity.errors import StoreError


async def test_numbers_only_grow(tmp_path: Path, clock: FakeClock) -> None:
    seen: list[int] = []
    with opened(tmp_path, clock) as revocations:
        for serial in range(3):
            revocations.revoke(issued(serial))
            seen.append(numbers(revocations)[0])
    clock.jump(-DAY)
    with opened(tmp_path, clock) as revocations:
        seen.append(numbers(revocations)[0])
        revocations.revoke(issued(9))
        seen.append(numbers(revocations)[0])
    assert seen == sorted(set(seen))
    assert seen[0] >= EPOCH.timestamp()


def test_on_a_full_disk_nothing_is_revoked_and_that_is_said(
    revocations: Revocations,
) -> None:
    told: list[None] = []
    revocations.changed = lambda: told.append(None)
    database: sqlite3.Connection = revocations._store._database
    database.execute("PRAGMA query_only = 1")
    with pytest.raises(StoreError, match=r"revocation\.db: cannot be written"):
        revocations.revoke(issued(1))
    assert (revocations.crls, revocations.serials, told) == ((), frozenset(), [])
    database.execute("PRAGMA query_only = 0")
    assert revocations.revoke(issued(1)) == (issued(1),)


async def test_lists_are_signed_anew_even_on_a_full_disk(
    revocations: Revocations, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    revocations.revoke(issued(1, ttl=30 * DAY))
    before = numbers(revocations)
    async with running(revocations):
        revocations._store._database.execute("PRAGMA query_only = 1")
        await let_pass(clock, 2 * DAY)
        revocations._store._database.execute("PRAGMA query_only = 0")
    assert all(new > old for new, old in zip(numbers(revocations), before, strict=True))
    assert "number of the revocation lists not saved" in caplog.text
