"""JWT-SVIDs for files: fetched from a Workload API, and again at half of their lifetime."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime

from accredit.agent.client import WorkloadApiClient
from accredit.agent.output_plan import Wanted
from accredit.agent.workload_choice import choose_token
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError, NotEntitledError
from accredit.identity.jwt_verify import lifetime
from accredit.rotation.alarm import Alarm
from accredit.rotation.schedule import Backoff, renewal_time
from accredit.workload_api.contexts import HintedToken

_logger = logging.getLogger(__name__)
_BACKOFF = Backoff()
_random = random.SystemRandom()


class TokenKeeper:
    """Keeps the newest token for one audience; ``changed`` is called when it or ``problem`` is."""

    def __init__(
        self,
        client: WorkloadApiClient,
        wanted: Wanted,
        audience: str,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self.audience = audience
        self.held: HintedToken | None = None
        self.problem = ""
        self._client = client
        self._wanted = wanted
        self._clock = clock
        self._changed = changed
        self._alarm = Alarm(clock)
        self._failures = 0
        self._due = clock.now()
        self._ends: datetime | None = None
        self._told = ("", False)

    async def run(self) -> None:
        """Do it until cancelled."""
        while True:
            self._due = await self._fetch()
            while self._clock.now() < self._due:
                await self._alarm.wait(self._due)

    def hurry(self) -> None:
        """End the wait after a failure: something has changed."""
        if self._failures:
            self._due = self._clock.now()
            self._alarm.bring_forward(self._due)

    async def _fetch(self) -> datetime:
        """Try once; return when to try again."""
        try:
            # All of this process's: which of them is meant may depend on what the others are.
            tokens = await self._client.tokens((self.audience,))
            return self._take(choose_token(self._wanted, tokens))
        except AccreditError as error:
            return self._failed(error)

    def _take(self, token: HintedToken) -> datetime:
        issued, ends = lifetime(token.token)
        now = self._clock.now()
        self._failures, self._ends, self.problem, self._told = 0, ends, "", ("", False)
        if self.held is None or token.token != self.held.token:
            self.held = token
            self._changed()
        # Later than half rather than earlier: until then an agent gives the same token again.
        due = renewal_time(issued or now, ends, _random.uniform(0, 1))
        return due if due > now else _BACKOFF.retry_time(now, 1, 0, ends)

    def _failed(self, error: AccreditError) -> datetime:
        now, reason = self._clock.now(), str(error)
        self._failures += 1
        expired = self._ends is not None and now >= self._ends
        if (reason, expired) != self._told:
            self._told = (reason, expired)
            self._tell(error, expired=expired)
        if reason != self.problem:
            self.problem = reason
            self._changed()
        return _BACKOFF.retry_time(now, self._failures, _random.uniform(-1, 1), self._ends)

    def _tell(self, error: AccreditError, *, expired: bool) -> None:
        extra = {"audience": self.audience, "reason": str(error), "ends": self._ends}
        if expired or (isinstance(error, NotEntitledError) and self.held is not None):
            _logger.error("no new JWT-SVID; that in the file stays, and ends", extra=extra)
        else:
            _logger.warning("no JWT-SVID can be had just now", extra=extra)


async def keep(keepers: Sequence[TokenKeeper]) -> None:
    """Run them all until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for keeper in keepers:
            tasks.create_task(keeper.run(), name=f"token for {keeper.audience}")
