"""Has the lists signed: at once by keys in this process, and in their time by keys elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from accredit.authority.revocation.account import Account
from accredit.authority.revocation.crls import Crl, Root, Trusted, Unsigned
from accredit.authority.revocation.lists import Lists
from accredit.identity.clock import Clock
from accredit.identity.errors import TpmError, TpmUnavailableError
from accredit.identity.keys import RemoteKey


class ListSigning:
    """Keeps ``lists`` in step with the account, with time and with the roots.

    While it is made, it waits for keys elsewhere too: nobody is served yet who would be held up.
    """

    def __init__(self, account: Account, lists: Lists, clock: Clock) -> None:
        self._account = account
        self._lists = lists
        self._clock = clock
        self.renew()
        self._sign_first()

    def make(self, number: int) -> bool:
        """Bring the lists in step with the account; tells whether any is new."""
        return self._lists.make(self._account.now.revoked.svids, number, self._clock.now())

    def renew(self) -> None:
        """Bring the lists in step with time."""
        if self._lists.stale(self._clock.now()):
            self._account.forget_ended(self._lists.trusted.policy)
        number = self._account.next_number()
        if self.make(number):
            self._account.keep(number)

    def trust(self, trusted: Trusted) -> None:
        """Bring the lists in step with a change of roots."""
        self._lists.trusted = trusted
        self.renew()
        self._lists.ahead = {}

    async def sign_ahead(self, root: Root) -> None:
        """Have the list of a root signed that is to be trusted next, if its key is elsewhere.

        Raises:
            TpmUnavailableError, TpmError: it is not to be had now.
        """
        if isinstance(root.key, RemoteKey):
            self._lists.ahead = {root.kid: await self._signed(Unsigned(root, root.key, ()))}

    async def sign_elsewhere(self, signed: Callable[[Sequence[bytes]], None]) -> None:
        """Have every list signed that waits for its key; one that is refused stays as it was.

        ``signed`` is called after each, with what was served when its turn came.
        """
        waiting, tried = self._lists.waiting, set[str]()
        while each := waiting.untried(tried):
            before = self._lists.served
            try:
                crl = await self._signed(each)
            except (TpmError, TpmUnavailableError) as error:
                tried.add(each.root.kid)
                waiting.refuse(each, error)
                continue
            waiting.forgive(each.root.kid)
            self._lists.hold(crl)
            self._keep(self._account.next_number())
            signed(before)

    async def _signed(self, unsigned: Unsigned) -> Crl:
        # Nobody else gets this number meanwhile.
        number = self._account.reserve_number()
        times = self._lists.trusted.policy.times(self._clock.now())
        return await unsigned.key.run(partial(unsigned.signed, number, times))

    def _sign_first(self) -> None:
        if not (due := self._lists.waiting.due):
            return
        number = self._account.next_number()
        for each in due.values():
            try:
                crl = each.signed(number, self._lists.trusted.policy.times(self._clock.now()))
            except (TpmError, TpmUnavailableError) as error:
                self._lists.waiting.refuse(each, error)
            else:
                self._lists.hold(crl)
        self._keep(number)

    def _keep(self, number: int) -> None:
        self.make(number)
        self._account.keep(number)
