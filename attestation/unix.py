"""The ``unix`` attestor: selectors with SPIRE's names.

``uid``, ``gid`` and their names are those the caller connected with, supplementary groups those it
has now. ``path`` and ``sha256`` have to be switched on. They tell apart only programs that other
users cannot start, since whoever may start a program may also debug it: name a uid beside them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain

from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence, joined
from accredit.attestation.executable import Executables
from accredit.attestation.names import Account, Names
from accredit.identity.clock import Clock
from accredit.identity.errors import SelectorError, UnavailableError
from accredit.identity.selector import Selector

# A caller's user may choose its groups, in a container or with ranges of its own, and each has to
# be looked up by name. Windows has this many at most, and the kernel 65536.
_MOST_GROUPS = 1024


@dataclass(frozen=True, slots=True)
class UnixSettings:
    """Whether to look at executables, and the size in bytes above which none is hashed.

    The timeouts are those of the name service and of hashing; a hash that takes longer goes on and
    is there for the next try.
    """

    discover_path: bool = False
    size_limit: int = 256 << 20
    names_timeout: timedelta = timedelta(seconds=1)
    executable_timeout: timedelta = timedelta(seconds=3)


class UnixAttestor:
    """Vouches for what the kernel says of a process.

    What it cannot tell (a name, an executable) costs that selector and leaves the others.
    """

    name = "unix"

    def __init__(self, settings: UnixSettings, clock: Clock, names: Names | None = None) -> None:
        self._settings = settings
        self._names = names or Names(clock)
        self._executables = Executables(settings.size_limit) if settings.discover_path else None

    async def attest(self, caller: KernelCaller) -> Evidence:
        """Return the caller's ids, their names, and its executable where that is switched on."""
        with caller.opened() as process:
            groups = process.ids().groups
        parts = []
        if len(groups) > _MOST_GROUPS:
            reason = f"{len(groups)} groups, more than {_MOST_GROUPS}"
            parts, groups = [Evidence(frozenset(), {"unix:supplementary_gid": reason})], ()
        parts += [
            _numbers(caller, groups),
            await _within(self._settings.names_timeout, "unix:user", self._named(caller, groups)),
        ]
        if self._executables is not None:
            look = self._executables.evidence(caller)
            parts.append(await _within(self._settings.executable_timeout, "unix:path", look))
        return joined(parts)

    async def _named(self, caller: KernelCaller, groups: tuple[int, ...]) -> Evidence:
        user, group = ("user", caller.uid), ("group", caller.gid)
        more: list[Account] = [("group", number) for number in groups]
        names = await self._names.of(caller.uid, (user, group, *more))
        keyed = [("user", user), ("group", group)]
        keyed += [("supplementary_group", account) for account in more]
        found = ((key, names[account]) for key, account in keyed)
        return Evidence(frozenset(chain.from_iterable(_name(*each) for each in found)))


def _numbers(caller: KernelCaller, groups: tuple[int, ...]) -> Evidence:
    values = [f"uid:{caller.uid}", f"gid:{caller.gid}"]
    values += [f"supplementary_gid:{number}" for number in groups]
    return Evidence(frozenset(Selector("unix", value) for value in values))


def _name(key: str, name: str | None) -> Iterator[Selector]:
    # What is too long for a selector, no entry can ask for.
    with suppress(SelectorError):
        if name:
            yield Selector("unix", f"{key}:{name}")


async def _within(patience: timedelta, what: str, asked: Awaitable[Evidence]) -> Evidence:
    seconds = patience.total_seconds()
    try:
        async with asyncio.timeout(seconds):
            return await asked
    except TimeoutError:
        return Evidence(frozenset(), {what: f"no answer within {seconds:g} seconds"}, retry=True)
    except UnavailableError as error:
        return Evidence(frozenset(), {what: str(error)}, retry=True)
