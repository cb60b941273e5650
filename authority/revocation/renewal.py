"""Waits for the moments at which lists are to be signed, as long as the authority runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from accredit.authority.revocation.account import Account
from accredit.authority.revocation.list_signing import ListSigning
from accredit.authority.revocation.lists import Lists
from accredit.identity.clock import Clock

_logger = logging.getLogger(__name__)
_RETRY = timedelta(seconds=10)


class Renewal:
    """``changed`` is called where other lists are served than before."""

    def __init__(
        self,
        account: Account,
        lists: Lists,
        signing: ListSigning,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self._account = account
        self._lists = lists
        self._signing = signing
        self._clock = clock
        self._changed = changed
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Have it look at once: the lists, or those that wait, are others."""
        self._wake.set()

    async def run(self) -> None:
        """Sign each list anew in time, until cancelled."""
        while True:
            await self._signing.sign_elsewhere(self._tell_if_new)
            await self._sleep()
            before = self._lists.served
            self._signing.renew()
            self._tell_if_new(before)

    def _tell_if_new(self, before: Sequence[bytes]) -> None:
        if self._lists.served != before:
            _tell(self._account.number if self._lists.served else None)
            self._changed()

    async def _sleep(self) -> None:
        """Return when a list is to be signed anew, the clock was set, or the lists changed."""
        self._wake.clear()
        when = self._lists.replace_at
        if self._lists.waiting.refused:
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
