"""Makes one X.509-SVID: a key pair of its own, signed for by the authority."""

from __future__ import annotations

import asyncio

from accredit.authority.authority import Authority
from accredit.authority.entry import Entry
from accredit.identity.clock import Clock
from accredit.identity.errors import AuthorityUnavailableError
from accredit.identity.x509_svid import X509Svid
from accredit.rotation.key_pool import KeyPool
from accredit.rotation.settings import RotationSettings


class Issuer:
    """Never trusts what the authority returns: key, ID and time of each SVID are checked."""

    def __init__(self, authority: Authority, clock: Clock, settings: RotationSettings) -> None:
        self._authority = authority
        self._clock = clock
        self._timeout = settings.sign_timeout.total_seconds()
        self._keys = KeyPool(settings.key_type)

    async def issue(self, entry: Entry) -> X509Svid:
        """Return a new SVID that has not expired.

        Raises:
            AccreditError: nobody can sign just now, or what was signed cannot be used.
        """
        key = await self._keys.take()
        try:
            async with asyncio.timeout(self._timeout):
                chain = await self._authority.sign_x509(entry, key.public_key())
        except TimeoutError as error:
            raise AuthorityUnavailableError(f"no answer within {self._timeout:g} s") from error
        svid = X509Svid(entry.spiffe_id, tuple(chain), key)
        if svid.expired(self._clock.now()):
            raise AuthorityUnavailableError(
                f"the authority signed an SVID that ended at {svid.not_after}: compare the clocks"
            )
        return svid

    async def run(self) -> None:
        """Make keys ahead until cancelled."""
        await self._keys.run()
