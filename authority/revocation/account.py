"""What is revoked now, on disk before anybody hears of it, and the number of the newest lists."""

from __future__ import annotations

import logging
from dataclasses import replace

from accredit.authority.revocation.crls import CrlPolicy
from accredit.authority.revocation.ends import Ends
from accredit.authority.revocation.index import RevokedIndex
from accredit.authority.revocation.record import Revoked
from accredit.authority.revocation.store import RevocationStore
from accredit.identity.clock import Clock
from accredit.identity.errors import StoreError

_logger = logging.getLogger(__name__)


class Account:
    """``now`` is replaced as a whole, by each change; ``number`` only grows.

    Raises:
        StoreError: the store cannot be read.
    """

    def __init__(self, store: RevocationStore, clock: Clock, policy: CrlPolicy) -> None:
        self._store = store
        self._clock = clock
        self._ends = Ends(clock)
        revoked, self.number = store.load()
        self.now = RevokedIndex.of(revoked)
        self.forget_ended(policy)

    def put(self, revoked: Revoked, policy: CrlPolicy) -> None:
        """Make this what is revoked; the lists that say so have the next number.

        Raises:
            StoreError: the disk is full or broken; nothing has changed.
        """
        self._store.put(revoked, number := self.next_number())
        self.number = number
        self._remember(revoked, policy)

    def forget_ended(self, policy: CrlPolicy) -> None:
        """Take off the lists what has ended; a list before this one has had it (RFC 5280 3.3)."""
        revoked = self.now.revoked
        svids = self._ends.without_ended(revoked.svids, policy)
        self._remember(replace(revoked, svids=svids), policy)

    def next_number(self) -> int:
        """Return a higher one; it follows the clock, so as to grow after a restored backup too."""
        return max(self.number + 1, int(self._clock.now().timestamp()))

    def reserve_number(self) -> int:
        """Return the next number, which nobody else gets."""
        self.number = self.next_number()
        return self.number

    def keep(self, number: int) -> None:
        """Write down the number of lists that are signed, if the disk lets us."""
        self.number = number
        try:
            self._store.put(self.now.revoked, number)
        except StoreError as error:
            # The lists are good all the same, and old ones would stop everybody.
            _logger.error(  # noqa: TRY400  the text says it all
                "number of the revocation lists not saved", extra={"error": str(error)}
            )

    def _remember(self, revoked: Revoked, policy: CrlPolicy) -> None:
        self.now = RevokedIndex.of(revoked)
        self._ends.follow(revoked.svids, policy.longest)
