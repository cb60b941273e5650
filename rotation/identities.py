"""What the deliveries see: each caller's identities now, and whenever they change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Never

from accredit.attestation.workload import Subject
from accredit.authority.authority import Authority
from accredit.authority.entry import Entry
from accredit.identity.clock import Clock
from accredit.identity.errors import NotEntitledError
from accredit.identity.jwt_svid import JwtSvid
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId
from accredit.rotation.compose import compose
from accredit.rotation.directory import Directory
from accredit.rotation.entitlement import Entitlement
from accredit.rotation.followed_tokens import FollowedTokens
from accredit.rotation.group import Group
from accredit.rotation.held import Held
from accredit.rotation.jwt_cache import JwtCache
from accredit.rotation.renewal import Renewal
from accredit.rotation.settings import RotationSettings
from accredit.rotation.snapshot import Snapshot
from accredit.rotation.status import RotationStatus, describe
from accredit.rotation.svid_cache import SvidCache
from accredit.rotation.token_follower import TokenFollower
from accredit.rotation.watcher import Waker, Watcher

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JwtIdentity:
    """One entry with a JWT-SVID and the hint it is delivered under."""

    entry: Entry
    svid: JwtSvid
    hint: str


@dataclass(slots=True)
class _Wakes:
    """Counts, since a token that is replaced leaves the snapshot as it is."""

    watcher: Watcher
    count: int = 0

    def wake(self) -> None:
        self.count += 1
        self.watcher.wake()


class Identities:
    """Keeps the SVIDs of entitled callers fresh and hands out snapshots: newest state wins.

    It answers from the moment it is made; ``run`` is what renews. A change of entries, bundles,
    evidence or SVIDs reaches those whom it concerns in the same turn of the event loop, or as soon
    as a new SVID is signed; many of them in slices, so that nobody new waits behind them.
    """

    name = "rotation"

    def __init__(
        self, authority: Authority, clock: Clock, settings: RotationSettings | None = None
    ) -> None:
        settings = settings or RotationSettings()
        self._authority = authority
        self._clock = clock
        self._first_timeout = settings.first_svid_timeout.total_seconds()
        self._directory = Directory(authority.entries, settings.idle_callers)
        self._entries, self._bundles = authority.entries, authority.bundles
        self._waker = Waker()
        self._cache = SvidCache(
            authority, clock, settings, self._directory.watched, self._svid_changed
        )
        self._jwt = JwtCache(authority, clock, settings)
        self._tokens = FollowedTokens(self._jwt, authority, clock, settings, self._waker.wake)
        self._renewal = Renewal(clock, self._cache, self._tokens)
        self._disputes: set[tuple[str, str]] = set()
        authority.subscribe(self._authority_changed)

    async def run(self) -> Never:
        """Renew what is watched or was asked for lately, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._cache.issuer.run(), name="rotation/keys")
            await self._renewal.run()

    async def snapshot(self, workload: Subject) -> Snapshot:
        """Return the newest state, waiting for SVIDs still to be signed, though not for long.

        Raises:
            AttestationError: the caller has died, was replaced or cannot be identified.
        """
        return await self._snapshot(workload)

    async def watch(
        self, workload: Subject, tokens: TokenFollower | None = None
    ) -> AsyncGenerator[Snapshot, None]:
        """Yield the state now, and the newest one after each change that concerns this caller.

        A change of what ``tokens`` follows is one too, and may yield the same state again.
        Before each further one the caller is checked again. Close it (``aclosing``) when done.

        Raises:
            AttestationError: the caller has died, was replaced or cannot be identified.
        """
        watcher, sent, seen = Watcher(), None, 0
        wakes = _Wakes(watcher)
        if tokens is not None:
            tokens.wake = wakes.wake
        undo = workload.subscribe(watcher.wake)
        try:
            while True:
                snapshot = await self._snapshot(workload, watcher)
                if snapshot is not sent or wakes.count != seen:
                    if sent is not None:
                        workload.caller.require_same()
                    sent, seen = snapshot, wakes.count
                    yield snapshot
                await watcher.wait()
        finally:
            undo()
            self._directory.leave(watcher)

    async def jwt_svids(
        self, workload: Subject, audience: Sequence[str], spiffe_id: SpiffeId | None
    ) -> tuple[JwtIdentity, ...]:
        """Return a JWT-SVID for each of the caller's identities, or for ``spiffe_id`` only.

        Raises:
            AttestationError: the caller has died, was replaced or cannot be identified.
            NotEntitledError: it has no identity, or not that one.
            AuthorityUnavailableError: nobody can sign, and no valid token is left.
        """
        entitlement = (await self._group(workload)).entitlement
        entries = entitlement.entries
        if spiffe_id is not None:
            entries = tuple(entry for entry in entries if entry.spiffe_id == spiffe_id)[:1]
        if not entries:
            raise NotEntitledError(f"the caller is not entitled to {spiffe_id or 'any identity'}")
        return tuple(
            [
                JwtIdentity(
                    entry, await self._jwt.svid(entry, audience), entitlement.hints[entry.entry_id]
                )
                for entry in entries
            ]
        )

    def follow_tokens(self) -> TokenFollower:
        """Return what follows JWT-SVIDs for one stream; close it when done.

        Whom the stream may follow is for its caller's snapshot to say.
        """
        return TokenFollower(self._tokens, self._clock, self._first_timeout)

    def preview(self, selectors: frozenset[Selector]) -> tuple[Entitlement, Snapshot]:
        """Return what a caller with ``selectors`` would get; nothing is signed or kept for it.

        Whose SVID nobody has asked for yet is ``pending`` in the snapshot.
        """
        authority = self._authority
        entitlement = Entitlement(authority.entries.match(selectors))
        snapshot = compose(entitlement, self._cache.svid, authority.trust_domain, authority.bundles)
        return entitlement, snapshot

    def describe(self) -> RotationStatus:
        """Return what is held and how its renewal goes, by entry in no particular order."""
        return describe(self._cache, self._directory, self._tokens)

    async def _snapshot(self, workload: Subject, watcher: Watcher | None = None) -> Snapshot:
        group = await self._group(workload, watcher)
        if self._lacking(group):
            await self._settle(workload, watcher)
            group = await self._group(workload, watcher)
        return group.snapshot(self._clock.now(), self._compose)

    async def _group(self, workload: Subject, watcher: Watcher | None = None) -> Group:
        """Return the caller's group; ``watcher`` hears of all that changes from here on."""
        selectors = (await workload.evidence()).selectors
        if watcher is None:
            return self._directory.find(selectors).group
        return self._directory.join(watcher, selectors).group

    async def _settle(self, workload: Subject, watcher: Watcher | None) -> None:
        """Wait until nothing more is lacking; entries may change meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._first_timeout):
                while lacking := self._lacking(await self._group(workload, watcher)):
                    await self._cache.obtain(lacking)

    def _lacking(self, group: Group) -> list[Held]:
        return self._cache.lacking(group.entitlement.entries)

    def _compose(self, entitlement: Entitlement) -> Snapshot:
        self._log_disputes(entitlement)
        authority = self._authority
        return compose(entitlement, self._cache.svid, authority.trust_domain, authority.bundles)

    def _svid_changed(self, entry_id: str) -> None:
        for group in self._directory.groups_with(entry_id):
            group.invalidate()
            self._waker.wake(group.watchers)

    def _authority_changed(self) -> None:
        woken = self._follow_bundles()
        if self._authority.entries is not self._entries:
            self._entries = self._authority.entries
            for audience in self._directory.replace(self._entries):
                woken |= audience.watchers
        self._cache.update()
        self._tokens.update()
        self._waker.wake(woken)

    def _follow_bundles(self) -> set[Watcher]:
        """Note which snapshots a change of bundles makes stale; return who watches those."""
        old, self._bundles = self._bundles, self._authority.bundles
        domains = {*old, *self._bundles}
        changed = {domain for domain in domains if old.get(domain) != self._bundles.get(domain)}
        woken: set[Watcher] = set()
        for group in self._directory.groups if changed else ():
            if group.shows(changed, self._authority.trust_domain):
                group.invalidate()
                woken.update(group.watchers)
        return woken

    def _log_disputes(self, entitlement: Entitlement) -> None:
        for keeper, loser in entitlement.disputes:
            # Once for a template: of its instances there is no end.
            pair = (keeper.template_id or keeper.entry_id, loser.template_id or loser.entry_id)
            if pair not in self._disputes:
                self._disputes.add(pair)
                _logger.warning(
                    "two entries of one caller share a hint: the newer is delivered without",
                    extra={"hint": loser.hint, "entry_id": pair[1], "kept_by": pair[0]},
                )
