"""The current X.509-SVID of every entry somebody asked for.

Invariants: an expired SVID never leaves; an old one is served for as long as it lasts while no new
one can be had; one entry has at most one SVID in the making, and whoever asks meanwhile shares it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from secrets import SystemRandom

from accredit.authority.authority import Authority
from accredit.authority.entry import Entry
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError
from accredit.identity.x509_svid import X509Svid
from accredit.rotation.agenda import Agenda
from accredit.rotation.held import Form, Held
from accredit.rotation.instances import Instances
from accredit.rotation.issuer import Issuer
from accredit.rotation.schedule import Backoff, renewal_time
from accredit.rotation.settings import RotationSettings

_logger = logging.getLogger(__name__)

# However little is left of an SVID, such as near the end of its root, it is not renewed sooner.
_SOONEST = timedelta(seconds=1)
_TOGETHER = 25
_random = SystemRandom()


class SvidCache:
    """``agenda`` says which SVID is to be looked at when; ``planned`` hears of each new time.

    ``watched`` tells whether anybody waits for changes of an entry's SVID; ``changed`` hears that
    it has a new one, or none any more.
    """

    def __init__(
        self,
        authority: Authority,
        clock: Clock,
        settings: RotationSettings,
        watched: Callable[[str], bool],
        changed: Callable[[str], None],
    ) -> None:
        self.issuer = Issuer(authority, clock, settings)
        self.agenda: Agenda[Held] = Agenda()
        self.planned: Callable[[datetime], None] = lambda _: None
        self.rotations = 0
        self.failures = 0
        self._authority = authority
        self._clock = clock
        self._watched = watched
        self._changed = changed
        self._backoff = Backoff(settings.retry_first, settings.retry_most)
        self._keep_warm = settings.keep_warm
        self._first_timeout = settings.first_svid_timeout
        self._held: dict[str, Held] = {}
        self._instances = Instances(settings.template_svids, self._needed)

    def __iter__(self) -> Iterator[Held]:
        return iter(self._held.values())

    def svid(self, entry_id: str) -> X509Svid | None:
        """Return the entry's SVID unless there is none or it has expired."""
        held = self._held.get(entry_id)
        return None if held is None else held.usable(self._clock.now())

    def lacking(self, entries: Iterable[Entry]) -> list[Held]:
        """Note that somebody asked; return what should be signed before that one is answered."""
        now = self._clock.now()
        lacking = []
        for entry in entries:
            held = self._held.get(entry.entry_id)
            if held is None:
                held = self._held[entry.entry_id] = Held(entry, asked=now)
            held.asked = now
            if (other := self._instances.asked(held)) is not None:
                self._forget(other)
            if held.lacks(self._form(held.entry), now):
                lacking.append(held)
        return lacking

    async def obtain(self, lacking: Sequence[Held]) -> None:
        """Return once each has a new SVID or has failed to get one."""
        try:
            for start in range(0, len(lacking), _TOGETHER):
                async with asyncio.TaskGroup() as tasks:
                    for held in lacking[start : start + _TOGETHER]:
                        tasks.create_task(self._obtain(held), name="rotation/obtain")
        finally:
            # Who asked may have gone before its turn came: then the renewal takes over.
            for held in lacking:
                if self.agenda.when(held) is None:
                    self._plan(held)

    async def tend(self, held: Held) -> None:
        """Do what is due: withdraw what has expired, renew what is wanted, forget the rest."""
        if not self._current(held):
            return
        if not self._wanted(held):
            self._leave(held)
            return
        self._withdraw_expired(held)
        await self._obtain(held)
        self._plan(held)

    def update(self) -> None:
        """Follow the authority's entries and signer: forget who is gone, replan who changed."""
        for held in tuple(self._held.values()):
            entry = self._authority.entries.current(held.entry)
            if entry is None:
                self._forget(held)
                continue
            held.entry = entry
            self._replace_revoked(held)
            if held.form != self._form(entry):
                held.retry_at = None
                self._plan(held)

    def _replace_revoked(self, held: Held) -> None:
        # It is served until there is another: verifiers know, and nothing at all is no better.
        revoked = self._authority.revoked
        if revoked and held.svid is not None and held.svid.leaf.serial_number in revoked:
            held.form = None

    def reconsider(self) -> None:
        """Plan anew after the wall clock jumped: no wait measured before means anything now."""
        now = self._clock.now()
        for held in self._held.values():
            held.retry_at = None
            if held.svid is not None and held.svid.not_before > now:
                held.renew_at = now
            self._plan(held)

    async def _obtain(self, held: Held) -> None:
        while held.lacks(self._form(held.entry), self._clock.now()):
            if held.flight is None:
                await self._issue(held)
            else:
                await held.flight.wait()

    async def _issue(self, held: Held) -> None:
        held.flight = flight = asyncio.Event()
        form = self._form(held.entry)
        try:
            svid = await self.issuer.issue(held.entry)
        except AccreditError as error:
            self._failed(held, error)
        else:
            self._renewed(held, svid, form)
        finally:
            # Also when whoever asked has gone: others may wait, and the renewal takes over.
            held.flight = None
            flight.set()
            self._plan(held)

    def _renewed(self, held: Held, svid: X509Svid, form: Form) -> None:
        now = self._clock.now()
        renew_at = renewal_time(max(svid.not_before, now), svid.not_after, _jitter())
        self.rotations += 1
        held.renewed(svid, form, max(renew_at, now + _SOONEST))
        _logger.debug("svid issued", extra={**_facts(held), "serial": svid.serial})
        self._tell(held)

    def _failed(self, held: Held, error: AccreditError) -> None:
        now = self._clock.now()
        self.failures += 1
        held.failures += 1
        held.error = str(error)
        held.retry_at = self._backoff.retry_time(now, held.failures, _jitter(), held.ends)
        # Only the first of a row: an outage fails for every entry once a minute.
        level = logging.WARNING if held.failures == 1 else logging.DEBUG
        _logger.log(level, "svid not issued", extra={**_facts(held), "error": held.error})

    def _withdraw_expired(self, held: Held) -> None:
        if held.svid is not None and held.svid.expired(self._clock.now()):
            _logger.error("svid expired before a new one could be had", extra=_facts(held))
            held.svid = None
            self._tell(held)

    def _leave(self, held: Held) -> None:
        """Let the SVID run out; whoever asks before gets a new one, or this if that fails."""
        if held.ends is not None and held.ends > self._clock.now():
            self.agenda.set(held, held.ends)
            return
        self._forget(held)

    def _forget(self, held: Held) -> None:
        self.agenda.drop(held)
        self._instances.gone(held.entry.entry_id)
        del self._held[held.entry.entry_id]

    def _needed(self, held: Held) -> bool:
        asked = self._clock.now() - held.asked
        # Else two who ask at the same time could take it from each other for ever.
        return asked < self._first_timeout or self._watched(held.entry.entry_id)

    def _current(self, held: Held) -> bool:
        return self._held.get(held.entry.entry_id) is held

    def _tell(self, held: Held) -> None:
        if self._current(held):
            self._changed(held.entry.entry_id)

    def _plan(self, held: Held) -> None:
        if self._current(held):
            when = held.next_look(self._form(held.entry), self._clock.now())
            self.agenda.set(held, when)
            self.planned(when)

    def _wanted(self, held: Held) -> bool:
        asked = self._clock.now() - held.asked
        return asked < self._keep_warm or self._watched(held.entry.entry_id)

    def _form(self, entry: Entry) -> Form:
        generation = self._authority.signer_generation
        return Form(entry.spiffe_id, entry.x509_ttl, entry.dns_names, generation)


def _jitter() -> float:
    return _random.uniform(-1, 1)


def _facts(held: Held) -> dict[str, object]:
    return {"spiffe_id": str(held.entry.spiffe_id), "entry_id": held.entry.entry_id}
