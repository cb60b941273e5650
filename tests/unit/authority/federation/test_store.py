"""Bundles survive restarts and kill -9, and a damaged file is an error that says what to do."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.ca import TestCa
from support.clock import EPOCH

from accredit.authority.federation.freshness import Held, Origin
from accredit.authority.federation.progress import Progress
from accredit.authority.federation.store import BundleStore
from accredit.identity.errors import StoreError
from accredit.identity.spiffe_id import TrustDomain

_A, _B = TrustDomain("a.example"), TrustDomain("b.example")
_HELD = Held(TestCa(_A).bundle(sequence=2**64 - 1), Origin.ENDPOINT, EPOCH)
_OTHER = Held(TestCa(_B).bundle(), Origin.OPERATOR, EPOCH)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "federation.db"


def test_nothing_is_made_until_there_is_something_to_keep(path: Path) -> None:
    with closing(BundleStore(path)) as store:
        assert store.load() == {}
        store.drop(_A)
    assert not path.exists()


def test_what_was_put_is_there_when_it_is_opened_again(path: Path) -> None:
    with closing(BundleStore(path)) as store:
        store.put(_A, _OTHER)
        store.put(_A, _HELD)
        store.put(_B, _OTHER)
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(BundleStore(path)) as store:
        assert store.load() == {_A: _HELD, _B: _OTHER}
        store.drop(_B)
    with closing(BundleStore(path)) as store:
        assert store.load() == {_A: _HELD}
    assert [each.name for each in path.parent.iterdir()] == ["federation.db"]


def test_how_fetches_went_is_there_when_it_is_opened_again(path: Path) -> None:
    good, bad = Progress(), Progress()
    good.success(EPOCH)
    bad.success(EPOCH)
    bad.failure(EPOCH + timedelta(hours=1), "no connection")
    bad.next_try = EPOCH  # of a process that is gone: nobody keeps to it
    with closing(BundleStore(path)) as store:
        store.put_progress(_A, bad)
        store.put_progress(_B, bad)
        store.put_progress(_B, good)
    with closing(BundleStore(path)) as store:
        assert store.load_progress() == {_A: replace(bad, next_try=None), _B: good}
        assert store.load() == {}
        store.drop(_A)
        assert store.load_progress() == {_B: good}


def test_a_file_of_before_learns_how_fetches_go(path: Path) -> None:
    with closing(BundleStore(path)) as store:
        store.put(_A, _HELD)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE fetch")
    with closing(BundleStore(path)) as store:
        assert (store.load(), store.load_progress()) == ({_A: _HELD}, {})
        store.put_progress(_A, Progress(failures=1, error="away"))
        assert store.load_progress()[_A].error == "away"


def test_what_was_put_survives_the_death_of_the_process(path: Path, tmp_path: Path) -> None:
    with closing(BundleStore(path)) as store:
        store.put(_A, _HELD)
        # What is on disk now is all that a death would leave.
        left = shutil.copytree(tmp_path, tmp_path / "left")
    with closing(BundleStore(left / path.name)) as store:
        assert store.load() == {_A: _HELD}


def test_what_a_death_left_of_a_new_file_is_made_anew(path: Path) -> None:
    (path.parent / "federation.db.part").write_bytes(b"half of it")
    (path.parent / "federation.db.part-wal").write_bytes(b"a log")
    with closing(BundleStore(path)) as store:
        store.put(_A, _HELD)
        assert store.load() == {_A: _HELD}


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4096)])
def test_a_file_that_is_none_of_ours_is_named_with_the_cure(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StoreError, match=r"federation\.db"):
        BundleStore(path)


@pytest.mark.parametrize("column", ["tried", "succeeded", "failing_since"])
def test_a_time_of_a_fetch_that_no_calendar_holds_is_damage(path: Path, column: str) -> None:
    with closing(BundleStore(path)) as store:
        store.put_progress(_A, Progress())
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"UPDATE fetch SET {column} = ?", (10**18,))
    with closing(BundleStore(path)) as store, pytest.raises(StoreError, match="is damaged"):
        store.load_progress()


@pytest.mark.parametrize(
    ("column", "value"),
    [("document", b"{"), ("origin", "moon"), ("trust_domain", "A B"), ("since", 10**18)],
)
def test_a_row_that_cannot_be_read_is_damage(path: Path, column: str, value: object) -> None:
    with closing(BundleStore(path)) as store:
        store.put(_A, _HELD)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"UPDATE bundle SET {column} = ?", (value,))
    with (
        closing(BundleStore(path)) as store,
        pytest.raises(StoreError, match="is damaged") as found,
    ):
        store.load()
    assert "move it away to begin with the bootstrap bundles again" in str(found.value)
