"""Looks at one Envoy until it truly serves, and says what it still waits for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from accredit.envoy.supervise import readiness, sockets
from accredit.envoy.supervise.admin import Admin
from accredit.envoy.supervise.expected import Expected
from accredit.envoy.supervise.readiness import Observed
from accredit.identity.clock import Clock

_logger = logging.getLogger(__name__)
_STATS = (
    "/stats?format=json&filter="
    r"^(server\.(state|hot_restart_epoch)|listener_manager\.workers_started"
    r"|cluster\.[^.]*\.upstream_(cx|rq)_active|http\.[^.]*\.jwt_authn\.jwks_fetch_success)$"
)
_SECRETS = "/config_dump?resource=dynamic_active_secrets"
# Nobody tells when an Envoy has come so far. It takes a tenth of a second where nothing is missing.
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.05, 1.0, 1.5
_SILENT = 3.0
_REMIND = 60.0


class Probe:
    """Watches the process of ``epoch``; ``took_over`` is called once it accepts connections."""

    def __init__(self, expected: Expected, epoch: int, clock: Clock) -> None:
        self._expected = expected
        self._epoch = epoch
        self._clock = clock
        self._admin = Admin(expected.admin)
        self._told: list[str] = []
        self._told_at = clock.monotonic()

    async def until_serving(
        self, took_over: Callable[[], None], waiting: Callable[[str], None]
    ) -> None:
        """Return once nothing is missing; ``waiting`` hears in a line what is."""
        pause, live = _FIRST_PAUSE, False
        while True:
            observed = await self.look()
            if observed.live and not live:
                live = True
                took_over()
            missing = list(readiness.missing(self._expected, observed, self._clock.now()))
            if not missing:
                return
            self._tell(missing, waiting)
            await asyncio.sleep(pause)
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)

    async def look(self) -> Observed:
        """Ask the admin interface; nothing observed where another process answers."""
        found = readiness.from_stats(await self._admin.get(_STATS))
        if found.epoch != self._epoch:
            return Observed()
        secrets = readiness.from_secrets(await self._admin.get(_SECRETS))
        if not found.live:
            return replace(found, secrets=secrets)
        contexts, ends = readiness.from_certificates(await self._admin.get("/certs"))
        listening = sockets.listening()
        if listening is None:
            listening = self._expected.listening
        return replace(found, secrets=secrets, contexts=contexts, ends=ends, listening=listening)

    def _tell(self, missing: list[str], waiting: Callable[[str], None]) -> None:
        now = self._clock.monotonic()
        soon = now - self._told_at < (_SILENT if missing != self._told else _REMIND)
        if soon:
            return
        self._told, self._told_at = missing, now
        for each in missing:
            _logger.warning("not serving yet", extra={"epoch": self._epoch, "missing": each})
        waiting(missing[0])
