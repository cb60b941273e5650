"""What was signed and what was revoked, in SQLite beside the authority's state.

A file of its own: it is written with every SVID, and no CA key hangs on it. What was signed is on
its way to the disk before the SVID leaves the process: it survives a crash of the agent, and of a
power failure its last moments may be missing. What was revoked survives anything.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from accredit.authority.embedded.database import Layout, make_database, open_database
from accredit.authority.revocation.record import Issued, Revoked, RevokedEntry, RevokedSvid
from accredit.identity.errors import StoreError

_SCHEMA = """
CREATE TABLE issued (
    serial TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    spiffe_id TEXT NOT NULL,
    not_after INTEGER NOT NULL,
    template_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX issued_for ON issued (entry_id);
CREATE TABLE revoked_svid (
    serial TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    spiffe_id TEXT NOT NULL,
    not_after INTEGER NOT NULL,
    template_id TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE revoked_entry (
    entry_id TEXT PRIMARY KEY,
    spiffe_id TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE crl (number INTEGER NOT NULL) STRICT;
INSERT INTO crl VALUES (0);
"""
_CURE = "restore it from a backup, or move it away, and revoke anew what has to be revoked"
# "accv", for file(1) and for us.
_LAYOUT = Layout(application=0x61636376, version=1, schema=_SCHEMA, cure=_CURE)


class RevocationStore:
    """A database, made if it is missing; belongs to one thread.

    Raises:
        StoreError: it is no database of ours, damaged, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not os.path.lexists(path):
            make_database(path, _LAYOUT)
        self._database = open_database(path, _LAYOUT)
        self._database.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        """Close it; the log is folded into the database."""
        self._database.close()

    def load(self) -> tuple[Revoked, int]:
        """Return what is revoked, and the number of the newest lists.

        Raises:
            StoreError: it cannot be read.
        """
        svids = self._rows("SELECT * FROM revoked_svid ORDER BY since, serial")
        entries = self._rows("SELECT * FROM revoked_entry ORDER BY since, entry_id")
        ((number,),) = self._rows("SELECT number FROM crl")
        try:
            revoked = Revoked(
                tuple(RevokedSvid(_issued(*rest), _time(since)) for *rest, since in svids),
                tuple(RevokedEntry(entry, name, _time(since)) for entry, name, since in entries),
            )
        except (ValueError, OverflowError, OSError) as error:
            raise StoreError(self._path, f"is damaged: {error}", _CURE) from error
        return revoked, number

    def note(self, issued: Iterable[Issued]) -> None:
        """Write down what was signed.

        Raises:
            StoreError: the disk is full or broken.
        """
        insert = "INSERT OR REPLACE INTO issued VALUES (?, ?, ?, ?, ?, ?)"
        self._write((insert, [_row(each) for each in issued]))

    def drop_ended(self, now: datetime) -> None:
        """Forget what was signed and has ended.

        Raises:
            StoreError: the disk is full or broken.
        """
        self._write(("DELETE FROM issued WHERE not_after < ?", [(_seconds(now),)]))

    def find(self, serial: int) -> Issued | None:
        """Return what is known of a serial that was signed here.

        Raises:
            StoreError: it cannot be read.
        """
        found = self._rows("SELECT * FROM issued WHERE serial = ?", f"{serial:x}")
        return _issued(*found[0]) if found else None

    def of_entry(self, entry_id: str) -> tuple[Issued, ...]:
        """Return all that was signed for an entry, or all instances of a template.

        Raises:
            StoreError: it cannot be read.
        """
        query = "SELECT * FROM issued WHERE entry_id = ?1 OR template_id = ?1"
        return tuple(_issued(*row) for row in self._rows(query, entry_id))

    def signed_for(self, name: str) -> Mapping[str, str]:
        """Return the SPIFFE IDs of entries with this id or SPIFFE ID, by their entry id.

        Raises:
            StoreError: it cannot be read.
        """
        query = (
            "SELECT DISTINCT entry_id, spiffe_id FROM issued"
            " WHERE entry_id != '' AND ?1 IN (entry_id, spiffe_id)"
        )
        return {str(row[0]): str(row[1]) for row in self._rows(query, name)}

    def put(self, revoked: Revoked, number: int) -> None:
        """Make this what is revoked, and ``number`` that of the newest lists.

        Raises:
            StoreError: the disk is full or broken; what was there is there.
        """
        svids = [(*_row(each.svid), _seconds(each.since)) for each in revoked.svids]
        entries = [
            (each.entry_id, each.spiffe_id, _seconds(each.since)) for each in revoked.entries
        ]
        with self._durably():
            self._write(
                ("DELETE FROM revoked_svid", [()]),
                ("DELETE FROM revoked_entry", [()]),
                ("INSERT INTO revoked_svid VALUES (?, ?, ?, ?, ?, ?, ?)", svids),
                ("INSERT INTO revoked_entry VALUES (?, ?, ?)", entries),
                ("UPDATE crl SET number = ?", [(number,)]),
            )
        with suppress(sqlite3.Error):  # so that a copy of the one file is a backup
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _durably(self) -> Iterator[None]:
        """Wait for the disk at the end of each transaction."""
        self._database.execute("PRAGMA synchronous = FULL")
        try:
            yield
        finally:
            self._database.execute("PRAGMA synchronous = NORMAL")

    def _write(self, *statements: tuple[str, Sequence[tuple[Any, ...]]]) -> None:
        run = self._database
        try:
            with run:
                run.execute("BEGIN IMMEDIATE")
                for statement, rows in statements:
                    run.executemany(statement, rows)
        except sqlite3.Error as error:
            raise StoreError(self._path, f"cannot be written: {error}") from error

    def _rows(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(self._path, f"cannot be used: {error}", _CURE) from error


def _row(issued: Issued) -> tuple[str, str, str, str, int, str]:
    return (
        f"{issued.serial:x}",
        issued.issuer,
        issued.entry_id,
        issued.spiffe_id,
        _seconds(issued.not_after),
        issued.template_id,
    )


def _issued(serial: str, issuer: str, entry_id: str, *rest: Any) -> Issued:
    spiffe_id, not_after, template_id = rest
    return Issued(int(serial, 16), issuer, entry_id, spiffe_id, _time(not_after), template_id)


def _seconds(when: datetime) -> int:
    return int(when.timestamp())


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
