"""JWT-SVIDs by entry and audience set, renewed at half of their lifetime when asked for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from accredit.authority.authority import Authority
from accredit.authority.entry import Entry
from accredit.identity.clock import Clock
from accredit.identity.errors import AuthorityUnavailableError
from accredit.identity.jwt_svid import JwtSvid
from accredit.identity.spiffe_id import SpiffeId
from accredit.rotation.schedule import renewal_time
from accredit.rotation.settings import RotationSettings

_Key = tuple[str, frozenset[str]]
_Form = tuple[SpiffeId, timedelta, int]


@dataclass(slots=True)
class _Flight:
    """A signature under way. ``done`` is set however it ends."""

    done: asyncio.Event = field(default_factory=asyncio.Event)
    error: AuthorityUnavailableError | None = None


class JwtCache:
    """Bounded: what was used longest ago goes first."""

    def __init__(self, authority: Authority, clock: Clock, settings: RotationSettings) -> None:
        self._authority = authority
        self._clock = clock
        self._timeout = settings.sign_timeout.total_seconds()
        self._max = settings.jwt_svids
        self._svids: OrderedDict[_Key, tuple[_Form, JwtSvid]] = OrderedDict()
        self._flights: dict[_Key, _Flight] = {}

    async def svid(self, entry: Entry, audience: Sequence[str]) -> JwtSvid:
        """Return a token for ``audience``: one with half of its life left, or what there is.

        Raises:
            AuthorityUnavailableError: nobody can sign, and no valid token is left.
            JwtSvidError: no token can hold that audience.
        """
        try:
            return await self.renewed(entry, audience)
        except AuthorityUnavailableError:
            held = self._valid((entry.entry_id, frozenset(audience)), entry)
            if held is None:
                raise
            return held

    async def renewed(self, entry: Entry, audience: Sequence[str]) -> JwtSvid:
        """Return a token with half of its life left, and no other.

        Raises:
            AuthorityUnavailableError: nobody can sign.
            JwtSvidError: no token can hold that audience.
        """
        key = (entry.entry_id, frozenset(audience))
        held = self._valid(key, entry)
        if held is not None and held.issued_at <= self._clock.now() < _half_life(held):
            return held
        return await self._fly(key, entry, audience)

    def _valid(self, key: _Key, entry: Entry) -> JwtSvid | None:
        form, svid = self._svids.get(key, (None, None))
        if svid is None or form != self._form(entry) or self._clock.now() >= svid.expires_at:
            return None
        self._svids.move_to_end(key)
        return svid

    async def _fly(self, key: _Key, entry: Entry, audience: Sequence[str]) -> JwtSvid:
        while (flight := self._flights.get(key)) is not None:
            await flight.done.wait()
            if flight.error is not None:
                raise AuthorityUnavailableError(str(flight.error))
            if (svid := self._valid(key, entry)) is not None:
                return svid
        self._flights[key] = flight = _Flight()
        try:
            return await self._sign(key, entry, audience)
        except AuthorityUnavailableError as error:
            flight.error = error
            raise
        finally:
            del self._flights[key]
            flight.done.set()

    async def _sign(self, key: _Key, entry: Entry, audience: Sequence[str]) -> JwtSvid:
        form = self._form(entry)
        try:
            async with asyncio.timeout(self._timeout):
                svid = await self._authority.sign_jwt(entry, audience)
        except TimeoutError as error:
            raise AuthorityUnavailableError(f"no answer within {self._timeout:g} s") from error
        if svid.expires_at <= self._clock.now():
            raise AuthorityUnavailableError(
                f"the authority signed a token that ended at {svid.expires_at}: compare the clocks"
            )
        self._svids[key] = (form, svid)
        self._svids.move_to_end(key)
        while len(self._svids) > self._max:
            self._svids.popitem(last=False)
        return svid

    def _form(self, entry: Entry) -> _Form:
        return (entry.spiffe_id, entry.jwt_ttl, self._authority.signer_generation)


def _half_life(svid: JwtSvid) -> datetime:
    return renewal_time(svid.issued_at, svid.expires_at, jitter=0)
