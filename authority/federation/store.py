"""Bundles that were fetched, in SQLite beside the authority's state, so that a restart has them.

A file of its own: what strangers serve may make it grow or break, and no CA key hangs on it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from accredit.authority.embedded.database import Layout, open_database
from accredit.authority.embedded.folder import PART, sync_folder, unusable
from accredit.authority.federation.freshness import Held, Origin
from accredit.identity.bundle import encode_bundle, parse_bundle
from accredit.identity.errors import BundleError, SpiffeIdError, StoreError
from accredit.identity.spiffe_id import TrustDomain

_SCHEMA = """
CREATE TABLE bundle (
    trust_domain TEXT PRIMARY KEY,
    document BLOB NOT NULL,
    origin TEXT NOT NULL,
    since INTEGER NOT NULL
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
        self._database = open_database(path, _LAYOUT) if there else None

    def close(self) -> None:
        """Close it; the log is folded into the database."""
        if self._database is not None:
            self._database.close()

    def load(self) -> Mapping[TrustDomain, Held]:
        """Return every bundle.

        Raises:
            StoreError: one of them cannot be read.
        """
        if self._database is None:
            return {}
        try:
            rows = self._database.execute("SELECT * FROM bundle ORDER BY trust_domain").fetchall()
            return {TrustDomain(name): _held(TrustDomain(name), *rest) for name, *rest in rows}
        except sqlite3.Error as error:
            raise StoreError(self._path, f"cannot be used: {error}", _CURE) from error
        except (SpiffeIdError, BundleError, ValueError, OverflowError, OSError) as error:
            raise StoreError(self._path, f"is damaged: {error}", _CURE) from error

    def put(self, trust_domain: TrustDomain, held: Held) -> None:
        """Keep a bundle in place of what was kept; once this returns it survives anything.

        Raises:
            StoreError: the disk is full or broken; the old one is still there.
        """
        if self._database is None:
            _make(self._path)
            self._database = open_database(self._path, _LAYOUT)
        row = (
            str(trust_domain),
            encode_bundle(held.bundle),
            held.origin,
            int(held.since.timestamp()),
        )
        _write(self._database, self._path, "INSERT OR REPLACE INTO bundle VALUES (?, ?, ?, ?)", row)

    def drop(self, trust_domain: TrustDomain) -> None:
        """Forget a bundle, if there is one.

        Raises:
            StoreError: the disk is full or broken; it is still there.
        """
        if self._database is not None:
            name = str(trust_domain)
            _write(self._database, self._path, "DELETE FROM bundle WHERE trust_domain = ?", (name,))


def _write(database: sqlite3.Connection, path: Path, statement: str, row: tuple[Any, ...]) -> None:
    try:
        database.execute(statement, row)
    except sqlite3.Error as error:
        raise StoreError(path, f"cannot be written: {error}") from error
    with suppress(sqlite3.Error):  # so that a copy of the one file is a backup
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _make(path: Path) -> None:
    """Make an empty one; a crash leaves none, and what it leaves is made anew."""
    part = path.with_name(f"{path.name}{PART}")
    try:
        for leftover in (part, *(part.with_name(f"{part.name}{end}") for end in ("-wal", "-shm"))):
            leftover.unlink(missing_ok=True)
        open_database(part, _LAYOUT, create=True).close()
        part.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise unusable(path, error) from error


def _held(trust_domain: TrustDomain, document: bytes, origin: str, since: int) -> Held:
    bundle = parse_bundle(trust_domain, document).bundle
    return Held(bundle, Origin(origin), datetime.fromtimestamp(since, UTC))
