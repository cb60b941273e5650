"""What is revoked now, on disk before anybody hears of it, and the lists that say so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self

from accredit.authority.entry import Entry
from accredit.authority.revocation.crls import Crl, Root, Trusted, Unsigned, renewed
from accredit.authority.revocation.issued import IssuedLog
from accredit.authority.revocation.record import Issued, Revoked, RevokedEntry, RevokedSvid
from accredit.authority.revocation.store import RevocationStore
from accredit.identity.clock import Clock
from accredit.identity.errors import (
    NotFoundError,
    SpiffeIdError,
    StoreError,
    TpmError,
    TpmUnavailableError,
)
from accredit.identity.keys import RemoteKey
from accredit.identity.spiffe_id import SpiffeId

_logger = logging.getLogger(__name__)
_RETRY = timedelta(seconds=10)
# Clients that were told nothing else refuse messages of 4 MiB; roots and SVIDs need some of that.
_LARGE_BYTES = 3 << 20


class Revocations:
    """Lists are made while an SVID is revoked, or ``always``; ``changed`` hears of new ones.

    ``serials`` are those of the revoked SVIDs, ``entries`` the revoked entries by their id, and
    ``barred`` the SPIFFE IDs of those.

    Keys in this process sign at once. One that is elsewhere, in a TPM, may take as long as it
    likes: ``run`` waits for it, and the list of before stays until then.
    """

    def __init__(
        self, store: RevocationStore, clock: Clock, trusted: Trusted, *, always: bool
    ) -> None:
        self.changed: Callable[[], None] = _nobody
        self._store = store
        self._clock = clock
        self._trusted = trusted
        self._always = always
        self._issued = IssuedLog(store, clock)
        self._wake = asyncio.Event()
        self._crls: Mapping[str, Crl] = {}
        self._ahead: Mapping[str, Crl] = {}
        self._due: Mapping[str, Unsigned] = {}
        self._refused: dict[str, str] = {}
        self._settled = asyncio.Event()
        self._ends: dict[int, float] = {}
        self.revoked, self._number = store.load()
        self._forget_ended()
        self._sign()
        self._sign_first()

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
    def crls(self) -> tuple[bytes, ...]:
        """The lists in DER, one for each root; none as long as one root cannot have one.

        A verifier that has a list for one root refuses everything of a root without.
        """
        return () if self.lacking else tuple(each.der for each in self._crls.values())

    @property
    def held(self) -> Sequence[Crl]:
        """The lists, in the order of the roots."""
        return tuple(self._crls.values())

    @property
    def roots(self) -> Sequence[Root]:
        """The roots that are trusted now."""
        return self._trusted.roots

    @property
    def problem(self) -> str:
        """Why revocations do not reach verifiers; empty if they do."""
        if self._refused:
            kid, error = next(iter(self._refused.items()))
            return f"the revocation list of root {kid} is not signed, and tried again: {error}"
        if late := [each for each in self._due.values() if self._is_late(each)]:
            return f"the revocation list of root {late[0].root.kid} is being signed"
        if not self.lacking:
            return self._too_large()
        kids = ", ".join(root.kid for root in self.lacking)
        return (
            f"no revocation list is served, as nobody has the key of root {kids} any more, and a"
            " root without a list would be refused whole; it goes by itself: accredit ca show"
        )

    def _too_large(self) -> str:
        size = sum(len(each.der) for each in self._crls.values())
        if size <= _LARGE_BYTES:
            return ""
        return (
            f"gRPC clients of the Workload API that take no more than 4 MiB will soon refuse"
            f" revocation lists of {size} bytes; they shrink as revoked SVIDs end"
        )

    @property
    def lacking(self) -> tuple[Root, ...]:
        """The roots whose list nobody can sign, while lists are wanted."""
        if not self._wanted:
            return ()
        return tuple(root for root in self._trusted.roots if root.kid not in self._crls)

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
        if entry.entry_id in self.entries or entry.template_id in self.entries:
            return True
        return bool(entry.template_id) and entry.spiffe_id in self.barred

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
        if entry_id not in self.entries:
            raise NotFoundError(f"entry {entry_id[:100]!r} is not revoked")
        rest = tuple(each for each in self.revoked.entries if each.entry_id != entry_id)
        self._replace(replace(self.revoked, entries=rest))
        self.changed()

    def trust(self, trusted: Trusted) -> None:
        """Follow a change of roots; new lists are there when this returns.

        That of a new root whose key is elsewhere is there if it was signed ahead.
        """
        self._trusted = trusted
        self._sign()
        self._ahead = {}
        self._wake.set()

    async def run(self) -> None:
        """Sign each list anew in time, until cancelled."""
        while True:
            await self._sign_elsewhere()
            await self._sleep()
            before = self.crls
            self._sign()
            self._tell_if_new(before)

    async def sign_ahead(self, root: Root) -> None:
        """Have the list of a root signed that is to be trusted next, if its key is elsewhere.

        Raises:
            TpmUnavailableError, TpmError: it is not to be had now, and nor should the root be.
        """
        if isinstance(root.key, RemoteKey):
            self._ahead = {root.kid: await self._signed(Unsigned(root, root.key, ()))}

    async def settled(self, patience: timedelta) -> None:
        """Wait until lists say all that is revoked or were refused, so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience.total_seconds()):
                await self._settled.wait()

    def _revoke(
        self, svids: Iterable[Issued], entries: tuple[RevokedEntry, ...]
    ) -> tuple[Issued, ...]:
        now = self._now()
        roots = {root.kid for root in self._trusted.roots}
        found = tuple(
            each
            for each in svids
            if each.serial not in self.serials and each.issuer in roots and each.not_after >= now
        )
        if found or entries:
            added = tuple(RevokedSvid(each, now) for each in found)
            known = self.revoked
            self._replace(Revoked((*known.svids, *added), (*known.entries, *entries)))
            self.changed()
        return found

    def _replace(self, revoked: Revoked) -> None:
        self._store.put(revoked, number := self._next_number())
        self._number = number
        self._remember(revoked)
        self._make(number)
        self._wake.set()

    def _remember(self, revoked: Revoked) -> None:
        self.revoked = revoked
        self.serials = frozenset(each.svid.serial for each in revoked.svids)
        self.entries = {each.entry_id: each for each in revoked.entries}
        self.barred = frozenset(_ids(revoked.entries))
        now = self._clock.now()
        self._ends = {
            each.svid.serial: self._ends.get(each.svid.serial) or self._end(each, now)
            for each in revoked.svids
        }

    def _end(self, revoked: RevokedSvid, now: datetime) -> float:
        """Return when it ends by the monotonic clock, if the clock on the wall is right now."""
        rest = min(revoked.svid.not_after - now, self._trusted.policy.longest)
        return self._clock.monotonic() + rest.total_seconds()

    def _lasts(self, serial: int) -> bool:
        return self._clock.monotonic() < self._ends.get(serial, 0)

    def _sign(self) -> None:
        """Bring the lists in step with time and roots."""
        if any(each.stale(self._clock.now()) for each in self._crls.values()):
            self._forget_ended()
        before, number = self._crls, self._next_number()
        self._make(number)
        if any(each not in before.values() for each in self._crls.values()):
            self._number = number
            self._keep()

    def _make(self, number: int) -> None:
        before = {**self._ahead, **self._crls}
        self._crls, self._due = {}, {}
        if self._wanted:
            self._crls, self._due = renewed(
                self._trusted, self.revoked.svids, before, number, self._clock.now()
            )
        self._refused = {kid: why for kid, why in self._refused.items() if kid in self._due}
        self._note_settled()

    def _sign_first(self) -> None:
        """Sign where keys are elsewhere too: nobody is served yet who would be held up."""
        if not self._due:
            return
        number = self._next_number()
        for each in self._due.values():
            try:
                crl = each.signed(number, self._trusted.policy.times(self._clock.now()))
            except (TpmError, TpmUnavailableError) as error:
                self._refuse(each, error)
            else:
                self._crls = {**self._crls, each.root.kid: crl}
        self._number = number
        self._make(number)
        self._keep()

    async def _sign_elsewhere(self) -> None:
        """Have every list signed that waits for its key; one that is refused stays as it was."""
        tried: set[str] = set()
        while each := next((due for kid, due in self._due.items() if kid not in tried), None):
            before = self.crls
            try:
                crl = await self._signed(each)
            except (TpmError, TpmUnavailableError) as error:
                tried.add(each.root.kid)
                self._refuse(each, error)
                continue
            self._refused.pop(each.root.kid, None)
            self._crls = {**self._crls, each.root.kid: crl}
            self._number = number = self._next_number()
            self._make(number)
            self._keep()
            self._tell_if_new(before)

    async def _signed(self, unsigned: Unsigned) -> Crl:
        # Nobody else gets this number meanwhile.
        self._number = number = self._next_number()
        times = self._trusted.policy.times(self._clock.now())
        return await unsigned.key.run(partial(unsigned.signed, number, times))

    def _refuse(self, unsigned: Unsigned, error: Exception) -> None:
        kid = unsigned.root.kid
        if kid not in self._refused:
            _logger.error(
                "revocation list not signed; trying again", extra={"root": kid, "error": str(error)}
            )
        self._refused[kid] = str(error)
        self._note_settled()

    def _note_settled(self) -> None:
        if self._due.keys() <= self._refused.keys():
            self._settled.set()
        else:
            self._settled.clear()

    def _is_late(self, unsigned: Unsigned) -> bool:
        """Tell whether it says something that the list there is does not."""
        held = self._crls.get(unsigned.root.kid)
        return held is None or held.lines != unsigned.lines

    def _tell_if_new(self, before: tuple[bytes, ...]) -> None:
        if self.crls != before:
            _tell(self._number if self.crls else None)
            self.changed()

    @property
    def _wanted(self) -> bool:
        return self._always or bool(self.revoked.svids)

    def _forget_ended(self) -> None:
        """Take off the lists what has ended; a list before this one has had it (RFC 5280 3.3)."""
        ended = self._clock.now() - self._trusted.policy.skew
        svids = tuple(
            each
            for each in self.revoked.svids
            # A clock that is set forward, and back again, must not give it back to its thief.
            if each.svid.not_after >= ended or self._lasts(each.svid.serial)
        )
        self._remember(replace(self.revoked, svids=svids))

    def _keep(self) -> None:
        try:
            self._store.put(self.revoked, self._number)
        except StoreError as error:
            # The lists are good all the same, and old ones would stop everybody.
            _logger.error(  # noqa: TRY400  the text says it all
                "number of the revocation lists not saved", extra={"error": str(error)}
            )

    def _next_number(self) -> int:
        """Return a higher one; it follows the clock, so as to grow after a restored backup too."""
        return max(self._number + 1, int(self._clock.now().timestamp()))

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)

    async def _sleep(self) -> None:
        """Return when a list is to be signed anew, the clock was set, or the lists changed."""
        self._wake.clear()
        when = min((each.times.replace_at for each in self._crls.values()), default=None)
        if self._refused:
            when = self._clock.now() + _RETRY
        async with asyncio.TaskGroup() as group:
            alarm = None if when is None else group.create_task(self._alarm(when))
            await self._wake.wait()
            if alarm is not None:
                alarm.cancel()

    async def _alarm(self, when: datetime) -> None:
        await self._clock.sleep_until(when)
        self._wake.set()


def _tell(number: int | None) -> None:
    if number is None:
        _logger.info("nothing is revoked any more: there are no revocation lists")
    else:
        _logger.info("revocation lists signed anew", extra={"number": number})


def _ids(entries: Iterable[RevokedEntry]) -> Iterator[SpiffeId]:
    for each in entries:
        with suppress(SpiffeIdError):  # that of a template has references in it
            yield SpiffeId.parse(each.spiffe_id)


def _nobody() -> None:
    """Tell nobody."""
