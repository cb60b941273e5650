"""Bundles that were fetched, and how fetches went, in SQLite beside the authority's state.

A file of its own: what strangers serve may make it grow or break, and no CA key hangs on it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from accredit.authority.embedded.database import Layout, make_database, open_database
from accredit.authority.federation.freshness import Held, Origin
from accredit.authority.federation.progress import Progress
from accredit.identity.bundle import encode_bundle, parse_bundle
from accredit.identity.errors import BundleError, SpiffeIdError, StoreError
from accredit.identity.spiffe_id import TrustDomain

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE bundle (
    trust_domain TEXT PRIMARY KEY,
    document BLOB NOT NULL,
    origin TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT;
"""
# Added later, to databases that are there already.
_MORE = """
CREATE TABLE IF NOT EXISTS fetch (
    trust_domain TEXT PRIMARY KEY,
    tried INTEGER,
    succeeded INTEGER,
    failing_since INTEGER,
    failures INTEGER NOT NULL,
    error TEXT NOT NULL
) STRICT;
"""
_CURE = "restore it from a backup, or move it away to begin with the bootstrap bundles again"
# "accf", for file(1) and for us.
_LAYOUT = Layout(application=0x61636366, version=1, schema=_SCHEMA, cure=_CURE)


class BundleStore:
    """A database, open if it is there and made by the first ``put``; belongs to one thread.

    Raises:
        StoreError: it is no database of ours, damaged, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        there = os.path.lexists(path)
        self._database = _open(path) if there else None

    def close(self) -> None:
        """Close it; the log is folded into the database."""
        if self._database is not None:
            self._database.close()

    def load(self) -> Mapping[TrustDomain, Held]:
        """Return every bundle.

        Raises:
            StoreError: one of them cannot be read.
        """
        return self._load("bundle", _held)

    def load_progress(self) -> Mapping[TrustDomain, Progress]:
        """Return how the fetches of every relationship went.

        Raises:
            StoreError: one of them cannot be read.
        """
        return self._load("fetch", lambda _, *rest: _progress(*rest))

    def _load(self, table: str, made: Callable[..., T]) -> Mapping[TrustDomain, T]:
        if self._database is None:
            return {}
        try:
            rows = self._database.execute(f"SELECT * FROM {table} ORDER BY trust_domain").fetchall()  # noqa: S608  our own word
            return {TrustDomain(name): made(TrustDomain(name), *rest) for name, *rest in rows}
        except sqlite3.Error as error:
            raise StoreError(self._path, f"cannot be used: {error}", _CURE) from error
        except (SpiffeIdError, BundleError, ValueError, OverflowError, OSError) as error:
            raise StoreError(self._path, f"is damaged: {error}", _CURE) from error

    def put(self, trust_domain: TrustDomain, held: Held) -> None:
        """Keep a bundle in place of what was kept; once this returns it survives anything.

        Raises:
            StoreError: the disk is full or broken; the old one is still there.
        """
        document = encode_bundle(held.bundle)
        row = (str(trust_domain), document, held.origin, int(held.since.timestamp()))
        self._put("INSERT OR REPLACE INTO bundle VALUES (?, ?, ?, ?)", row)

    def put_progress(self, trust_domain: TrustDomain, progress: Progress) -> None:
        """Keep how the fetches of a relationship go.

        Raises:
            StoreError: the disk is full or broken; what was kept before is still there.
        """
        times = (progress.tried, progress.succeeded, progress.failing_since)
        row = (str(trust_domain), *map(_seconds, times), progress.failures, progress.error)
        self._put("INSERT OR REPLACE INTO fetch VALUES (?, ?, ?, ?, ?, ?)", row)

    def _put(self, statement: str, row: tuple[Any, ...]) -> None:
        if self._database is None:
            make_database(self._path, _LAYOUT)
            self._database = _open(self._path)
        _write(self._database, self._path, statement, row)

    def drop(self, trust_domain: TrustDomain) -> None:
        """Forget a bundle and how its fetches went, if they are there.

        Raises:
            StoreError: the disk is full or broken; it is still there.
        """
        if self._database is None:
            return
        for table in ("bundle", "fetch"):
            statement = f"DELETE FROM {table} WHERE trust_domain = ?"  # noqa: S608  our own word
            _write(self._database, self._path, statement, (str(trust_domain),))


def _open(path: Path) -> sqlite3.Connection:
    database = open_database(path, _LAYOUT)
    try:
        database.execute(_MORE)
    except sqlite3.Error as error:
        database.close()
        raise StoreError(path, f"cannot be used: {error}", _CURE) from error
    return database


def _write(database: sqlite3.Connection, path: Path, statement: str, row: tuple[Any, ...]) -> None:
    try:
        database.execute(statement, row)
    except sqlite3.Error as error:
        raise StoreError(path, f"cannot be written: {error}") from error
    with suppress(sqlite3.Error):  # so that a copy of the one file is a backup
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _held(trust_domain: TrustDomain, document: bytes, origin: str, since: int) -> Held:
    bundle = parse_bundle(trust_domain, document).bundle
    return Held(bundle, Origin(origin), datetime.fromtimestamp(since, UTC))


def _progress(
    tried: int | None,
    succeeded: int | None,
    failing_since: int | None,
    failures: int,
    error: str,
) -> Progress:
    return Progress(
        tried=_moment(tried),
        failures=failures,
        error=error,
        succeeded=_moment(succeeded),
        failing_since=_moment(failing_since),
    )


def _seconds(when: datetime | None) -> int | None:
    return None if when is None else int(when.timestamp())


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
