"""JWT-SVIDs that somebody waits for, kept fresh for as long as anybody does.

Unlike an X.509-SVID, a token is for one audience, and there is no end of audiences: so nothing is
signed but what is followed, and how much may be followed is bounded.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from secrets import SystemRandom

from accredit.authority.authority import Authority
from accredit.authority.entry import Entry
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError
from accredit.identity.jwt_svid import JwtSvid
from accredit.rotation.agenda import Agenda
from accredit.rotation.held_token import Follower, HeldToken, TokenForm
from accredit.rotation.jwt_cache import JwtCache
from accredit.rotation.schedule import Backoff, renewal_time
from accredit.rotation.settings import RotationSettings

_logger = logging.getLogger(__name__)

# However little is left of a token, it is not renewed sooner.
_SOONEST = timedelta(milliseconds=250)
_random = SystemRandom()

NO_ROOM = "as many JWT-SVIDs are kept fresh as there may be"
NO_ROOM_FOR_ENTRY = "as many JWT-SVIDs of this entry are kept fresh as there may be"
GONE = "the entry is gone"


class FollowedTokens:
    """``agenda`` says which token is to be looked at when; ``planned`` hears of each new time.

    ``wake`` is called with those who follow a token that was replaced or has ended.
    """

    def __init__(
        self,
        cache: JwtCache,
        authority: Authority,
        clock: Clock,
        settings: RotationSettings,
        wake: Callable[[Iterable[Follower]], None],
    ) -> None:
        self.agenda: Agenda[HeldToken] = Agenda()
        self.planned: Callable[[datetime], None] = lambda _: None
        self._cache = cache
        self._authority = authority
        self._clock = clock
        self._wake = wake
        self._backoff = Backoff(settings.retry_first, settings.retry_most)
        self._most, self._most_of_entry = settings.followed_jwt_svids, settings.followed_audiences
        self._held: dict[tuple[str, str], HeldToken] = {}
        self._of_entry: Counter[str] = Counter()
        # In order of arrival: for lack of room at all, or for an entry by its id.
        self._turned_away: dict[str | None, dict[Follower, None]] = {}

    def __iter__(self) -> Iterator[HeldToken]:
        return iter(self._held.values())

    def join(self, entry: Entry, audience: str, follower: Follower) -> HeldToken | str:
        """Let ``follower`` hear of the token; return it, signed or not, or why there is none."""
        held = self._held.get((entry.entry_id, audience)) or self._begin(entry, audience)
        match held:
            case HeldToken():
                held.followers.add(follower)
            case _ if held == NO_ROOM:
                self._turned_away.setdefault(None, {})[follower] = None
            case _ if held == NO_ROOM_FOR_ENTRY:
                self._turned_away.setdefault(entry.entry_id, {})[follower] = None
        return held

    def leave(self, key: tuple[str, str], follower: Follower) -> None:
        """Let ``follower`` hear of the token no more; one that nobody follows is forgotten."""
        held = self._held.get(key)
        if held is not None:
            held.followers.discard(follower)
            if not held.followers:
                self._forget(held)

    def turn_to(self, follower: Follower) -> None:
        """No longer tell ``follower`` when there is room."""
        for reason, waiting in tuple(self._turned_away.items()):
            waiting.pop(follower, None)
            if not waiting:
                del self._turned_away[reason]

    def invite(self) -> None:
        """Wake the first of those who wait for room that there is.

        One only: it takes the room, or passes the invitation on when it has looked.
        """
        for entry_id, waiting in self._turned_away.items():
            if len(self._held) < self._most and (
                entry_id is None or self._of_entry[entry_id] < self._most_of_entry
            ):
                self._wake([next(iter(waiting))])
                return

    async def tend(self, held: HeldToken) -> None:
        """Do what is due: take away what has expired, renew the rest."""
        if self._held.get(held.key) is not held:
            return
        self._withdraw_expired(held)
        form = self._form(held.entry)
        if held.lacks(form, self._clock.now()):
            try:
                svid = await self._cache.renewed(held.entry, (held.audience,))
            except AccreditError as error:
                self._failed(held, error)
            else:
                self._renewed(held, svid, form)
        self._plan(held)

    def update(self) -> None:
        """Follow the authority's entries and signer: forget who is gone, replan who changed."""
        for held in tuple(self._held.values()):
            entry = self._authority.entries.current(held.entry)
            if entry is None:
                self._forget(held)
                continue
            held.entry = entry
            if held.form != self._form(entry):
                held.retry_at = None
                self._plan(held)
        self.invite()

    def reconsider(self) -> None:
        """Plan anew after the wall clock jumped: no wait measured before means anything now."""
        now = self._clock.now()
        for held in self._held.values():
            held.retry_at = None
            if held.token is not None and held.token.svid.issued_at > now:
                held.renew_at = now
            self._plan(held)

    def usable(self, held: HeldToken) -> bool:
        """Tell whether there is a token that has not expired."""
        return held.usable(self._clock.now()) is not None

    def _begin(self, asked: Entry, audience: str) -> HeldToken | str:
        entry = self._authority.entries.current(asked)
        if entry is None:
            return GONE
        entry_id = entry.entry_id
        if len(self._held) >= self._most:
            return NO_ROOM
        if self._of_entry[entry_id] >= self._most_of_entry:
            return NO_ROOM_FOR_ENTRY
        held = self._held[entry_id, audience] = HeldToken(entry, audience)
        self._count(entry_id, 1)
        self._plan(held)
        return held

    def _count(self, entry_id: str, change: int) -> None:
        self._of_entry[entry_id] += change
        if not self._of_entry[entry_id]:
            del self._of_entry[entry_id]

    def _forget(self, held: HeldToken) -> None:
        self.agenda.drop(held)
        del self._held[held.key]
        self._count(held.entry.entry_id, -1)

    def _renewed(self, held: HeldToken, svid: JwtSvid, form: TokenForm) -> None:
        if held.token is not None and held.token.svid is svid and held.form == form:
            return  # another look at the same time has put it there
        now = self._clock.now()
        renew_at = renewal_time(svid.issued_at, svid.expires_at, abs(_jitter()))
        held.renewed(svid, form, max(renew_at, now + _SOONEST))
        self._wake(held.followers)

    def _failed(self, held: HeldToken, error: AccreditError) -> None:
        now = self._clock.now()
        held.failures += 1
        held.error = str(error)
        held.retry_at = self._backoff.retry_time(now, held.failures, _jitter(), held.ends)
        level = logging.WARNING if held.failures == 1 else logging.DEBUG
        _logger.log(level, "token not issued", extra={**_facts(held), "error": held.error})
        self._wake(held.followers)

    def _withdraw_expired(self, held: HeldToken) -> None:
        if held.token is not None and held.usable(self._clock.now()) is None:
            _logger.error("token ended before a new one could be had", extra=_facts(held))
            held.token = None
            self._wake(held.followers)

    def _plan(self, held: HeldToken) -> None:
        if self._held.get(held.key) is held:
            when = held.next_look(self._form(held.entry), self._clock.now())
            self.agenda.set(held, when)
            self.planned(when)

    def _form(self, entry: Entry) -> TokenForm:
        return TokenForm(entry.spiffe_id, entry.jwt_ttl, self._authority.signer_generation)


def _jitter() -> float:
    return _random.uniform(-1, 1)


def _facts(held: HeldToken) -> dict[str, object]:
    entry = held.entry
    return {"spiffe_id": str(entry.spiffe_id), "entry_id": entry.entry_id}
