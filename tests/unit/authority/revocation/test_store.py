from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from support.clock import EPOCH

from accredit.authority.revocation.record import Issued, Revoked, RevokedEntry, RevokedSvid
from accredit.authority.revocation.store import RevocationStore
from accredit.identity.errors import StoreError

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


def test_a_new_store_is_private_and_empty(path: Path, store: RevocationStore) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert store.load() == (Revoked(), 0)


def test_what_was_put_is_there_in_the_next_process(path: Path) -> None:
    revoked = Revoked(
        (RevokedSvid(issued(LARGE), EPOCH), RevokedSvid(issued(2), EPOCH)),
        (RevokedEntry("a", "spiffe://prod.example/a", EPOCH),),
    )
    with closing(RevocationStore(path)) as store:
        store.put(Revoked((RevokedSvid(issued(9), EPOCH),)), 6)
        store.put(revoked, 7)
    with closing(RevocationStore(path)) as store:
        found, number = store.load()
    assert set(found.svids) == set(revoked.svids)
    assert (found.entries, number) == (revoked.entries, 7)


def test_issued_svids_are_found_by_serial_and_by_entry(store: RevocationStore) -> None:
    store.note([issued(LARGE), issued(2), issued(3, "b")])
    assert store.find(LARGE) == issued(LARGE)
    assert store.find(4) is None
    assert {each.serial for each in store.of_entry("a")} == {LARGE, 2}
    assert store.of_entry("c") == ()


def test_what_has_ended_is_forgotten(store: RevocationStore) -> None:
    store.note([issued(1), issued(2, ttl=2 * HOUR)])
    store.drop_ended(EPOCH + HOUR + timedelta(seconds=1))
    assert (store.find(1), store.find(2)) == (None, issued(2, ttl=2 * HOUR))


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"x" * 5000, b"text"])
def test_a_damaged_store_is_an_error_and_never_an_empty_one(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StoreError, match=r"revocation\.db: .*restore it from a backup"):
        RevocationStore(path)
    assert path.read_bytes() == content


def test_a_store_with_a_broken_line_says_so(path: Path, store: RevocationStore) -> None:
    store.put(Revoked((RevokedSvid(issued(1), EPOCH),)), 1)
    store.close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE revoked_svid SET serial = 'no number'")
    with (
        closing(RevocationStore(path)) as again,
        pytest.raises(StoreError, match=r"revocation\.db: is damaged"),
    ):
        again.load()
