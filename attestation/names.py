"""User and group names, from the name service of the host, which may be slow."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial

from accredit.attestation.background import Background
from accredit.identity.clock import Clock

KEPT = timedelta(minutes=1)
_MAX_KEPT = 4096
_THREADS = 4

Account = tuple[str, int]  # ("user", 1000) or ("group", 100)
_Names = Mapping[Account, str | None]


class Names:
    """Looks names up off the event loop and remembers them, and their absence, for a minute."""

    def __init__(
        self, clock: Clock, look_up: Callable[[Account], str | None] | None = None
    ) -> None:
        self._clock = clock
        self._look_up = look_up or host_name_of
        self._background = Background[_Names]("names", _THREADS)
        self._kept: dict[Account, tuple[str | None, float]] = {}

    async def of(self, owner: int, accounts: Iterable[Account]) -> _Names:
        """Return the name of each account, None for one without; on behalf of user ``owner``.

        It takes as long as the name service does.
        """
        wanted = tuple(accounts)
        found = self._remembered(wanted)
        missing = [account for account in wanted if account not in found]
        if not missing:
            return found
        fresh = await self._background.run(owner, partial(_look_up_all, self._look_up, missing))
        self._remember(fresh)
        return {**found, **fresh}

    def _remembered(self, wanted: Iterable[Account]) -> dict[Account, str | None]:
        now = self._clock.monotonic()
        found = {}
        for account in wanted:
            name, until = self._kept.get(account, (None, now))
            if until > now:
                found[account] = name
        return found

    def _remember(self, names: _Names) -> None:
        if len(self._kept) + len(names) > _MAX_KEPT:
            self._kept.clear()
        until = self._clock.monotonic() + KEPT.total_seconds()
        self._kept.update((account, (name, until)) for account, name in names.items())


def host_name_of(account: Account) -> str | None:
    """Return the host's name for an account; None if it has none, or one that is not UTF-8."""
    kind, number = account
    try:
        name = pwd.getpwuid(number).pw_name if kind == "user" else grp.getgrgid(number).gr_name
    except KeyError:
        return None
    return name if name and _is_utf8(name) else None


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _look_up_all(look_up: Callable[[Account], str | None], accounts: Iterable[Account]) -> _Names:
    return {account: look_up(account) for account in accounts}
