"""The callers that are entitled to the same entries, and the snapshot they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from accredit.authority.entry import Entry
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import TrustDomain
from accredit.rotation.compose import ends, same
from accredit.rotation.entitlement import Entitlement
from accredit.rotation.snapshot import Snapshot
from accredit.rotation.watcher import Watcher


class Audience:
    """The callers with the same selectors, of which those in ``watchers`` wait for changes."""

    __slots__ = ("group", "selectors", "watchers")

    def __init__(self, selectors: frozenset[Selector], group: Group) -> None:
        self.selectors = selectors
        self.group = group
        self.watchers: set[Watcher] = set()


class Group:
    """The audiences with the same entries: ``key``, in file order."""

    __slots__ = ("_ends", "_fresh", "_snapshot", "audiences", "entitlement", "key")

    def __init__(self, key: tuple[Entry, ...]) -> None:
        self.key = key
        self.entitlement = Entitlement(key)
        self.audiences: set[Audience] = set()
        self._snapshot: Snapshot | None = None
        self._ends: datetime | None = None
        self._fresh = False

    @property
    def watchers(self) -> Iterator[Watcher]:
        """Everyone who waits for a change."""
        return (watcher for audience in self.audiences for watcher in audience.watchers)

    def shows(self, changed: set[TrustDomain], own: TrustDomain) -> bool:
        """Tell whether its snapshot holds one of those bundles; everyone's holds the own one."""
        return own in changed or not self.entitlement.federated.isdisjoint(changed)

    def invalidate(self) -> None:
        """Have the next snapshot composed anew."""
        self._fresh = False

    def snapshot(self, now: datetime, compose: Callable[[Entitlement], Snapshot]) -> Snapshot:
        """Return the newest state: the same object as before where nothing has changed."""
        if self._snapshot is None or not self._fresh or (self._ends and now > self._ends):
            new = compose(self.entitlement)
            if self._snapshot is None or not same(new, self._snapshot):
                self._snapshot = new
            self._ends, self._fresh = ends(new), True
        return self._snapshot
