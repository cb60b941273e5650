"""The state in SQLite: one small database, replaced whole in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from accredit.authority.embedded.database import Layout, open_database
from accredit.authority.embedded.state import Kind, Phase, Signer, State
from accredit.identity.errors import StoreError
from accredit.identity.spiffe_id import TrustDomain

_SECOND = timedelta(seconds=1)
_SCHEMA = """
CREATE TABLE authority (
    trust_domain TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    refresh_hint INTEGER NOT NULL
) STRICT;
CREATE TABLE signer (
    place INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    kid TEXT NOT NULL UNIQUE,
    phase TEXT NOT NULL,
    public BLOB NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    prepared_at INTEGER NOT NULL,
    activated_at INTEGER,
    signed_until INTEGER NOT NULL,
    longest INTEGER NOT NULL,
    forced INTEGER NOT NULL
) STRICT;
"""
_CURE = "restore the folder from a backup, or move it away to start with a new authority"
# "accr", for file(1) and for us.
_LAYOUT = Layout(application=0x61636372, version=1, schema=_SCHEMA, cure=_CURE)


class Store:
    """An open database; belongs to one thread.

    Raises:
        StoreError: it is no database of ours, damaged, or cannot be opened.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self._path = path
        self._database = open_database(path, _LAYOUT, create=create)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it; the log is folded into the database."""
        self._database.close()

    def load(self) -> State:
        """Return the state.

        Raises:
            StoreError: it is incomplete or cannot be read.
        """
        try:
            heads = self._database.execute("SELECT * FROM authority").fetchall()
            rows = self._database.execute("SELECT * FROM signer ORDER BY place").fetchall()
            (head,) = heads
            state = State(TrustDomain(head[0]), head[1], timedelta(seconds=head[2]), _signers(rows))
        except sqlite3.Error as error:
            raise self._broken(error) from error
        except (ValueError, OverflowError, OSError) as error:
            raise StoreError(self._path, f"is damaged: {error}", _CURE) from error
        self._check_signers(state)
        return state

    def _check_signers(self, state: State) -> None:
        for kind in Kind:
            phases = [signer.phase for signer in state.of(kind)]
            if phases.count(Phase.ACTIVE) != 1 or phases.count(Phase.PREPARED) > 1:
                raise StoreError(self._path, f"is damaged: it has no one active {kind} key", _CURE)

    def save(self, state: State) -> None:
        """Replace the state; once this returns it survives anything.

        Raises:
            StoreError: the disk is full or broken; the old state is still there.
        """
        try:
            run = self._database.execute
            with self._database:
                run("BEGIN IMMEDIATE")
                run("DELETE FROM authority")
                run("DELETE FROM signer")
                hint = state.refresh_hint // _SECOND
                head = (str(state.trust_domain), state.sequence, hint)
                run("INSERT INTO authority VALUES (?, ?, ?)", head)
                for place, signer in enumerate(state.signers):
                    row = (place, *_row(signer))
                    run(f"INSERT INTO signer VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
        except sqlite3.Error as error:
            raise StoreError(self._path, f"cannot be written: {error}") from error
        with suppress(sqlite3.Error):  # so that a copy of the one file is a backup
            run("PRAGMA wal_checkpoint(TRUNCATE)")

    def _broken(self, error: sqlite3.Error) -> StoreError:
        return StoreError(self._path, f"cannot be used: {error}", _CURE)


def _row(signer: Signer) -> tuple[Any, ...]:
    return (
        signer.kind,
        signer.kid,
        signer.phase,
        signer.public,
        _seconds(signer.not_before),
        _seconds(signer.not_after),
        _seconds(signer.prepared_at),
        None if signer.activated_at is None else _seconds(signer.activated_at),
        _seconds(signer.signed_until),
        signer.longest // _SECOND,
        signer.forced,
    )


def _signers(rows: Iterable[tuple[Any, ...]]) -> tuple[Signer, ...]:
    return tuple(_signer(*row) for _, *row in rows)


def _signer(  # noqa: PLR0913, PLR0917  one for each column
    kind: str,
    kid: str,
    phase: str,
    public: bytes,
    not_before: int,
    not_after: int,
    prepared_at: int,
    activated_at: int | None,
    signed_until: int,
    longest: int,
    forced: int,
) -> Signer:
    return Signer(
        Kind(kind),
        kid,
        Phase(phase),
        public,
        _time(not_before),
        _time(not_after),
        _time(prepared_at),
        None if activated_at is None else _time(activated_at),
        _time(signed_until),
        timedelta(seconds=longest),
        bool(forced),
    )


def _seconds(when: datetime) -> int:
    return int(when.timestamp())


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
