"""Keeps account of every X.509-SVID that is signed, at little cost to whoever waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping

from accredit.authority.revocation.record import Issued
from accredit.authority.revocation.store import RevocationStore
from accredit.identity.clock import Clock
from accredit.identity.errors import StoreError

_logger = logging.getLogger(__name__)
_BETWEEN_CLEANUPS = 1024
_MOST_UNWRITTEN = 100_000
_UNWRITTEN = "issued serials are not written down; a restart would forget them"


class IssuedLog:
    """Writes what one turn of the event loop has signed in one go, before the next turn.

    A disk that is full stops nobody from signing: what could not be written is kept and written
    with the next, the oldest forgotten if it gets too much.
    """

    def __init__(self, store: RevocationStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._unwritten: deque[Issued] = deque(maxlen=_MOST_UNWRITTEN)
        self._scheduled = False
        self._problem = ""
        self._since_cleanup = _BETWEEN_CLEANUPS
        self._ended_before = clock.now()

    @property
    def problem(self) -> str:
        """Why what was signed is not all on the disk; empty if it is."""
        return self._problem

    def note(self, issued: Issued) -> None:
        """Write it down soon."""
        self._unwritten.append(issued)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._write_soon)

    def find(self, serial: int) -> Issued | None:
        """Return what is known of a serial that was signed here.

        Raises:
            StoreError: the account cannot be read.
        """
        self._write()
        return self._store.find(serial) or next(
            (each for each in self._unwritten if each.serial == serial), None
        )

    def of_entry(self, entry_id: str) -> tuple[Issued, ...]:
        """Return all that was signed for an entry, or all instances of a template.

        Raises:
            StoreError: the account cannot be read.
        """
        self._write()
        unwritten = (
            each for each in self._unwritten if entry_id in {each.entry_id, each.template_id}
        )
        return (*self._store.of_entry(entry_id), *unwritten)

    def signed_for(self, name: str) -> Mapping[str, str]:
        """Return the SPIFFE IDs of entries with this id or SPIFFE ID, by their entry id.

        Raises:
            StoreError: the account cannot be read.
        """
        self._write()
        unwritten = {
            each.entry_id: each.spiffe_id
            for each in self._unwritten
            if name in {each.entry_id, each.spiffe_id}
        }
        return {**self._store.signed_for(name), **unwritten}

    def close(self) -> None:
        """Write down what is still to be."""
        self._write()

    def _write_soon(self) -> None:
        self._scheduled = False
        self._write()

    def _write(self) -> None:
        if not self._unwritten:
            return
        try:
            self._store.note(self._unwritten)
            self._since_cleanup += len(self._unwritten)
            self._unwritten.clear()
            if self._since_cleanup >= _BETWEEN_CLEANUPS:
                self._since_cleanup = 0
                # Twice found ended: the clock may be wrong just now.
                now = self._clock.now()
                self._store.drop_ended(min(now, self._ended_before))
                self._ended_before = now
        except StoreError as error:
            if not self._problem:
                _logger.error(_UNWRITTEN, extra={"error": str(error)})  # noqa: TRY400
            self._problem = f"{_UNWRITTEN}: {error}"
        else:
            self._problem = ""
