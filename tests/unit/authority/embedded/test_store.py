from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.clock import FakeClock
from support.embedded import TRUST_DOMAIN

from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.signers import first
from accredit.authority.embedded.state import Phase, State
from accredit.authority.embedded.store import Store
from accredit.identity.errors import StoreError

_STATE, _ = first(TRUST_DOMAIN, EmbeddedSettings(), FakeClock())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Store(tmp_path / "state.db", create=True) as store:
        store.save(_STATE)
    return tmp_path / "state.db"


def _load(path: Path) -> State:
    with Store(path) as store:
        return store.load()


def _change(path: Path, statement: str) -> None:
    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()


def test_what_is_saved_is_loaded(path: Path) -> None:
    assert _load(path) == _STATE
    root, jwt = _STATE.signers
    old = replace(root, kid="old", phase=Phase.OLD, forced=True)
    prepared = replace(root, kid="next", phase=Phase.PREPARED, activated_at=None)
    state = replace(_STATE, sequence=2**63 - 1, signers=(old, root, jwt, prepared))
    with Store(path) as store:
        store.save(state)
    assert _load(path) == state


def test_it_is_one_file_of_our_own_even_while_it_is_open(path: Path) -> None:
    with Store(path) as store:
        store.save(_STATE)
        copied = path.with_name("copy.db")
        copied.write_bytes(path.read_bytes())
        copied.chmod(0o600)
        assert path.stat().st_mode & 0o777 == 0o600
        assert _load(copied) == _STATE
    assert sorted(each.name for each in path.parent.iterdir()) == ["copy.db", "state.db"]


def test_a_commit_is_on_the_disk_when_it_returns(path: Path) -> None:
    with Store(path) as store:
        (mode,) = store._database.execute("PRAGMA synchronous").fetchone()
        assert mode == 2  # FULL
        (journal,) = store._database.execute("PRAGMA journal_mode").fetchone()
        assert journal == "wal"


def test_a_save_that_fails_leaves_the_old_state(path: Path) -> None:
    root, jwt = _STATE.signers
    broken = replace(_STATE, sequence=99, signers=(root, jwt, replace(root)))  # one kid twice
    with Store(path) as store:
        with pytest.raises(StoreError, match=r"state\.db: cannot be written: UNIQUE constraint"):
            store.save(broken)
        assert store.load() == _STATE
        store.save(replace(_STATE, sequence=100))
    assert _load(path).sequence == 100


def test_a_database_where_there_is_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be used: unable to open database file"):
        Store(tmp_path / "gone" / "state.db", create=True)


def test_a_database_in_use_is_an_error(path: Path) -> None:
    with Store(path) as store:
        store.save(_STATE)
        with pytest.raises(StoreError, match=r"state\.db: cannot be used: database is locked"):
            _load(path)


def _truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)


def _overwrite(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "is missing; restore it from a backup"),
        (lambda path: _truncate(path, 0), "is empty"),
        (lambda path: _truncate(path, 1), "is not version 1 of our database"),
        (lambda path: _truncate(path, 4096), "cannot be used: database disk image is malformed"),
        (lambda path: _truncate(path, 9000), "is damaged|is malformed"),
        (lambda path: path.write_bytes(b"\0" * 16384), "cannot be used: file is not a database"),
        (lambda path: path.write_text("text " * 1000), "cannot be used: file is not a database"),
        (lambda path: _overwrite(path, 4096, b"\0" * 4096), "is damaged|is malformed"),
        (lambda path: _overwrite(path, 8192, b"\xff" * 4096), "is damaged|is malformed"),
        (lambda path: _change(path, "PRAGMA user_version = 2"), "is not version 1 of our database"),
        (lambda path: _change(path, "PRAGMA application_id = 0"), "is not version 1 of our"),
        (lambda path: _change(path, "DELETE FROM signer"), "it has no one active x509 key"),
        (lambda path: _change(path, "DELETE FROM signer WHERE kind = 'jwt'"), "no one active jwt"),
        (lambda path: _change(path, "UPDATE signer SET phase = 'old'"), "no one active x509 key"),
        (lambda path: _change(path, "UPDATE signer SET phase = 'x'"), "'x' is not a valid Phase"),
        (lambda path: _change(path, "UPDATE signer SET kind = 'x'"), "'x' is not a valid Kind"),
        (lambda path: _change(path, "UPDATE signer SET not_after = 1 << 60"), "is damaged: "),
        (lambda path: _change(path, "DELETE FROM authority"), "is damaged: not enough values"),
        (lambda path: _change(path, "UPDATE authority SET trust_domain = 'A'"), "not a SPIFFE ID"),
        (lambda path: _change(path, "UPDATE authority SET refresh_hint = 1 << 60"), "is damaged"),
        (lambda path: _change(path, "DROP TABLE signer"), "cannot be used: no such table: signer"),
        (lambda path: path.chmod(0o644), "is open to other users"),
    ],
)
def test_a_damaged_database_is_an_error_that_names_the_file_and_the_cure(
    path: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(path)
    with pytest.raises(StoreError, match=message) as caught:
        _load(path)
    assert caught.value.path == str(path)
    assert "backup" in caught.value.cure or "chmod" in caught.value.cure


def test_every_byte_that_is_cut_off_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for size in range(0, len(whole), 509):
        path.write_bytes(whole[:size])
        with pytest.raises(StoreError):
            _load(path)
