"""SQLite files of the authority's folder.

Write-ahead log and ``synchronous=FULL``: a transaction that was reported done survives kill -9 and
power loss, one that was not leaves no trace.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from accredit.authority.embedded.folder import PART, check_private_file, sync_folder, unusable
from accredit.identity.errors import StoreError


@dataclass(frozen=True, slots=True)
class Layout:
    """What a database of ours is told by, and what a person does when it is broken."""

    application: int
    version: int
    schema: str
    cure: str


def open_database(path: Path, layout: Layout, *, create: bool = False) -> sqlite3.Connection:
    """Open a database, for one thread; nobody else can while it is open.

    Raises:
        StoreError: it is no such database, damaged, or cannot be opened.
    """
    if not create:
        check_private_file(path)
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    try:
        database = sqlite3.connect(uri, timeout=0, uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise _broken(path, layout, error) from error
    try:
        _prepare(database, path, layout, create=create)
    except sqlite3.Error as error:
        database.close()
        raise _broken(path, layout, error) from error
    except StoreError:
        database.close()
        raise
    return database


def make_database(path: Path, layout: Layout) -> None:
    """Make an empty one; a crash leaves none, and what it leaves is made anew.

    Raises:
        StoreError: it cannot be made.
    """
    part = path.with_name(f"{path.name}{PART}")
    try:
        for leftover in (part, *(part.with_name(f"{part.name}{end}") for end in ("-wal", "-shm"))):
            leftover.unlink(missing_ok=True)
        open_database(part, layout, create=True).close()
        part.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise unusable(path, error) from error


def _prepare(database: sqlite3.Connection, path: Path, layout: Layout, *, create: bool) -> None:
    # Nobody else reads it: the log's index stays in memory, where no full disk hurts it.
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    if create:
        path.chmod(0o600)
        database.executescript(
            f"PRAGMA application_id = {layout.application};"
            f"PRAGMA user_version = {layout.version};"
            f"PRAGMA journal_mode = WAL; {layout.schema}"
        )
    _check(database, path, layout)
    database.execute("PRAGMA synchronous = FULL")


def _check(database: sqlite3.Connection, path: Path, layout: Layout) -> None:
    run = database.execute
    found = [run(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    if found != [layout.application, layout.version]:
        raise StoreError(path, f"is not version {layout.version} of our database", layout.cure)
    if (verdict := run("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
        raise StoreError(path, f"is damaged: {verdict}", layout.cure)


def _broken(path: Path, layout: Layout, error: sqlite3.Error) -> StoreError:
    return StoreError(path, f"cannot be used: {error}", layout.cure)
