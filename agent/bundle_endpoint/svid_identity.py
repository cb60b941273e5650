"""Profile ``https_spiffe``: an X.509-SVID of the own trust domain, rotated like any other."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Never

from accredit.agent.bundle_endpoint.tls import server_context
from accredit.authority.authority import Authority
from accredit.authority.entry import Entry
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError, UnavailableError
from accredit.identity.moment import rfc3339
from accredit.identity.spiffe_id import SpiffeId
from accredit.identity.x509_svid import X509Svid
from accredit.rotation.alarm import Alarm
from accredit.rotation.issuer import Issuer
from accredit.rotation.schedule import Backoff, renewal_time
from accredit.rotation.settings import RotationSettings

_logger = logging.getLogger(__name__)
_TTL = timedelta(hours=1)


class SvidIdentity:
    """A ServerIdentity. A new SVID serves the very next handshake; an old one ends with its time.

    It is nobody's registration entry: no workload can get it.
    """

    name = "bundle endpoint's identity"

    def __init__(
        self,
        authority: Authority,
        spiffe_id: SpiffeId,
        settings: RotationSettings,
        clock: Clock,
        jitter: Callable[[], float] = lambda: random.uniform(-1, 1),  # noqa: S311  no secret
    ) -> None:
        self.ready = asyncio.Event()
        self._authority = authority
        self._entry = Entry("bundle-endpoint", spiffe_id, frozenset(), _TTL, _TTL)
        self._issuer = Issuer(authority, clock, settings)
        self._backoff = Backoff(settings.retry_first, settings.retry_most)
        self._clock = clock
        self._jitter = jitter
        self._alarm = Alarm(clock)
        self._generation = authority.signer_generation
        self._tried = clock.now()
        self._svid: X509Svid | None = None
        self._context: ssl.SSLContext | None = None
        self._replacing = 0
        self._failures = 0

    def context(self) -> ssl.SSLContext:
        """Return what shows the newest SVID; raise UnavailableError if there is none."""
        if self._svid is None or self._context is None or self._svid.expired(self._clock.now()):
            raise UnavailableError(f"there is no valid X.509-SVID for {self._entry.spiffe_id}")
        return self._context

    async def run(self) -> Never:
        """Renew it in time, and at once after a forced rotation of roots or a jump of the clock."""
        undo = self._authority.subscribe(self._authority_changed)
        try:
            while True:
                until = await self._renewed()
                while not self._is_due(until):
                    await self._alarm.wait(until)
        finally:
            undo()

    def _authority_changed(self) -> None:
        if self._is_outdated:
            self._alarm.bring_forward(self._clock.now())

    def _is_due(self, until: datetime) -> bool:
        set_back = self._clock.now() < self._tried
        return set_back or self._clock.now() >= until or self._is_outdated

    @property
    def _is_outdated(self) -> bool:
        """Whether it is to be replaced although it has not ended: a forced rotation, or revoked."""
        if self._authority.signer_generation != self._generation:
            return True
        serial = self._serial
        # One try at once; what fails is tried again with back-off, as any renewal.
        return serial != self._replacing and serial in self._authority.revoked

    @property
    def _serial(self) -> int:
        return 0 if self._svid is None else self._svid.leaf.serial_number

    async def _renewed(self) -> datetime:
        """Try to renew; return when to do so again."""
        self._generation, self._tried = self._authority.signer_generation, self._clock.now()
        self._replacing = self._serial
        try:
            svid = await self._issuer.issue(self._entry)
        except AccreditError as error:
            return self._failed(error)
        self._svid, self._failures = svid, 0
        self._context = server_context(svid.chain_pem, svid.key_pem)
        self.ready.set()
        return renewal_time(svid.not_before, svid.not_after, self._jitter())

    def _failed(self, error: AccreditError) -> datetime:
        self._failures += 1
        ends = None if self._svid is None else self._svid.not_after
        again = self._backoff.retry_time(self._clock.now(), self._failures, self._jitter(), ends)
        facts = {"error": str(error), "failures": self._failures, "again": rfc3339(again)}
        _logger.warning("the bundle endpoint's SVID was not renewed", extra=facts)
        return again
