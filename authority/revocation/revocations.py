"""What is revoked now, on disk before anybody hears of it, and the lists that say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from accredit.authority.entry import Entry
from accredit.authority.revocation.account import Account
from accredit.authority.revocation.crls import Crl, Root, Trusted
from accredit.authority.revocation.issued import IssuedLog
from accredit.authority.revocation.list_signing import ListSigning
from accredit.authority.revocation.lists import Lists
from accredit.authority.revocation.problem import problem_of
from accredit.authority.revocation.record import Issued, Revoked, RevokedEntry
from accredit.authority.revocation.renewal import Renewal
from accredit.authority.revocation.store import RevocationStore
from accredit.identity.clock import Clock
from accredit.identity.spiffe_id import SpiffeId


class Revocations:
    """Lists are made while an SVID is revoked, or ``always``; ``changed`` hears of new ones.

    Keys in this process sign at once. One that is elsewhere, in a TPM, may take as long as it
    likes: ``run`` waits for it, and the list of before stays until then.
    """

    def __init__(
        self, store: RevocationStore, clock: Clock, trusted: Trusted, *, always: bool
    ) -> None:
        self.changed: Callable[[], None] = _nobody
        self._store = store
        self._clock = clock
        self._issued = IssuedLog(store, clock)
        self._account = account = Account(store, clock, trusted.policy)
        self._lists = lists = Lists(trusted, always=always)
        self._signing = ListSigning(account, lists, clock)
        self._renewal = Renewal(account, lists, self._signing, clock, self._tell)

    @classmethod
    def open(cls, path: Path, clock: Clock, trusted: Trusted, *, always: bool = False) -> Self:
        """Open the store at ``path``, made if it is missing.

        Raises:
            StoreError: it cannot be used as it is.
        """
        store = RevocationStore(path)
        try:
            return cls(store, clock, trusted, always=always)
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Write down what is still to be, and let go of the store."""
        self._issued.close()
        self._store.close()

    @property
    def revoked(self) -> Revoked:
        """Everything that is revoked now."""
        return self._account.now.revoked

    @property
    def serials(self) -> frozenset[int]:
        """Those of the revoked SVIDs."""
        return self._account.now.serials

    @property
    def entries(self) -> Mapping[str, RevokedEntry]:
        """The revoked entries by their id."""
        return self._account.now.entries

    @property
    def barred(self) -> frozenset[SpiffeId]:
        """The SPIFFE IDs of the revoked entries."""
        return self._account.now.barred

    @property
    def crls(self) -> tuple[bytes, ...]:
        """The lists in DER; see :attr:`Lists.served`."""
        return self._lists.served

    @property
    def held(self) -> Sequence[Crl]:
        """The lists, in the order of the roots."""
        return tuple(self._lists.held.values())

    @property
    def roots(self) -> Sequence[Root]:
        """The roots that are trusted now."""
        return self._lists.trusted.roots

    @property
    def lacking(self) -> tuple[Root, ...]:
        """The roots whose list nobody can sign, while lists are wanted."""
        return self._lists.lacking

    @property
    def problem(self) -> str:
        """Why revocations do not reach verifiers; empty if they do."""
        waiting = self._lists.waiting
        return problem_of(self._lists.held, waiting.due.values(), waiting.refused, self.lacking)

    @property
    def unwritten(self) -> str:
        """Why a restart would forget what was signed lately; empty if it would not."""
        return self._issued.problem

    def note(self, issued: Issued) -> None:
        """Take note of an SVID that was signed just now."""
        self._issued.note(issued)

    def find(self, serial: int) -> Issued | None:
        """Return what is known of an SVID that was signed here and has not long ended.

        Raises:
            StoreError: the account cannot be read.
        """
        return self._issued.find(serial)

    def signed_for(self, name: str) -> Mapping[str, str]:
        """Return the SPIFFE IDs of entries with this id or SPIFFE ID, by their entry id.

        Instances as well, and entries that are in the files no more; only those whose SVIDs have
        not all long ended are known.

        Raises:
            StoreError: the account cannot be read.
        """
        return self._issued.signed_for(name)

    def forbids(self, entry: Entry) -> bool:
        """Tell whether nothing may be signed for an entry: it, or its template, is revoked.

        An ID that is revoked is given by no template, but by an entry that has it written out.
        """
        return self._account.now.forbids(entry)

    def revoke(self, svid: Issued) -> tuple[Issued, ...]:
        """Revoke one SVID; returns it unless it was revoked already.

        Raises:
            StoreError: the disk is full or broken; nothing has changed.
        """
        return self._revoke([svid], ())

    def revoke_entry(self, entry_id: str, spiffe_id: str) -> tuple[Issued, ...]:
        """Revoke an entry and its SVIDs that have not ended; returns those revoked just now.

        Raises:
            StoreError: the disk is full or broken; nothing has changed.
        """
        new = RevokedEntry(entry_id, spiffe_id, self._now())
        entries = () if entry_id in self.entries else (new,)
        return self._revoke(self._issued.of_entry(entry_id), entries)

    def lift(self, entry_id: str) -> None:
        """Let an entry give its identity again; SVIDs that were revoked stay so.

        Raises:
            NotFoundError: it is not revoked.
            StoreError: the disk is full or broken; nothing has changed.
        """
        self._replace(self._account.now.lifting(entry_id))

    def trust(self, trusted: Trusted) -> None:
        """Follow a change of roots; new lists are there when this returns.

        That of a new root whose key is elsewhere is there if it was signed ahead.
        """
        self._signing.trust(trusted)
        self._renewal.wake()

    async def run(self) -> None:
        """Sign each list anew in time, until cancelled."""
        await self._renewal.run()

    async def sign_ahead(self, root: Root) -> None:
        """Have the list of a root signed that is to be trusted next, if its key is elsewhere.

        Raises:
            TpmUnavailableError, TpmError: it is not to be had now, and nor should the root be.
        """
        await self._signing.sign_ahead(root)

    async def settled(self, patience: timedelta) -> None:
        """Wait until lists say all that is revoked or were refused, so long at most."""
        await self._lists.waiting.settled(patience)

    def _revoke(
        self, svids: Iterable[Issued], entries: tuple[RevokedEntry, ...]
    ) -> tuple[Issued, ...]:
        index, now = self._account.now, self._now()
        found = index.still_good(svids, {root.kid for root in self.roots}, now)
        if found or entries:
            self._replace(index.adding(found, entries, now))
        return found

    def _replace(self, revoked: Revoked) -> None:
        self._account.put(revoked, self._lists.trusted.policy)
        self._signing.make(self._account.number)
        self._renewal.wake()
        self._tell()

    def _tell(self) -> None:
        # Whoever hears of it is set later than all else is made.
        self.changed()

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)


def _nobody() -> None:
    """Tell nobody."""
