from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from support.clock import EPOCH, FakeClock

from accredit.authority.revocation.issued import IssuedLog
from accredit.authority.revocation.record import Issued
from accredit.authority.revocation.store import RevocationStore

HOUR = timedelta(hours=1)
LARGE = 2**159 + 1  # a serial has up to 20 octets (RFC 5280 4.1.2.2), and SQLite's numbers have 8


def issued(serial: int, entry_id: str = "a", ttl: timedelta = HOUR) -> Issued:
    return Issued(serial, "root", entry_id, "spiffe://prod.example/a", EPOCH + ttl)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "revocation.db"


@pytest.fixture
def store(path: Path) -> Iterator[RevocationStore]:
    with closing(RevocationStore(path)) as found:
        yield found


def query_only(store: RevocationStore, *, on: bool) -> None:
    """Let SQLite itself refuse every write."""
    store._database.execute(f"PRAGMA query_only = {int(on)}")


async def test_one_turn_is_written_in_one_go_before_the_next(store: RevocationStore) -> None:
    log = IssuedLog(store, FakeClock())
    before = store._database.total_changes
    log.note(issued(1))
    log.note(issued(2))
    assert store._database.total_changes == before
    await asyncio.sleep(0)
    assert store._database.total_changes == before + 2
    assert (store.find(1), store.find(2)) == (issued(1), issued(2))


async def test_who_asks_at_once_finds_it_as_well(store: RevocationStore) -> None:
    log = IssuedLog(store, FakeClock())
    log.note(issued(1))
    assert log.find(1) == issued(1)
    log.note(issued(2))
    assert {each.serial for each in log.of_entry("a")} == {1, 2}


async def test_on_a_full_disk_signing_goes_on_and_the_account_is_made_good_later(
    store: RevocationStore, caplog: pytest.LogCaptureFixture
) -> None:
    log = IssuedLog(store, FakeClock())
    query_only(store, on=True)
    with caplog.at_level(logging.ERROR):
        for serial in (1, 2):
            log.note(issued(serial))
            await asyncio.sleep(0)
        assert log.find(1) == issued(1)
        assert {each.serial for each in log.of_entry("a")} == {1, 2}
    assert len(caplog.records) == 1
    assert "issued serials are not written down" in caplog.text
    assert "a restart would forget them: " in log.problem
    query_only(store, on=False)
    log.note(issued(3))
    log.close()
    assert log.problem == ""
    assert [store.find(each) for each in (1, 2, 3)] == [issued(each) for each in (1, 2, 3)]


async def test_the_account_does_not_grow_with_the_years(store: RevocationStore) -> None:
    clock = FakeClock()
    log = IssuedLog(store, clock)
    for start in range(0, 5000, 50):
        for serial in range(start, start + 50):
            log.note(issued(serial, ttl=HOUR * (start // 50 + 1)))
        log.close()
        clock.advance(HOUR)
    rows = store._database.execute("SELECT count(*) FROM issued").fetchone()[0]
    assert 50 <= rows < 2200
