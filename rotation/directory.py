"""Who is entitled to what just now, by selectors, and who has to hear of a change."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterator

from accredit.authority.entry import Entry
from accredit.authority.entry_set import EntrySet
from accredit.identity.selector import Selector
from accredit.rotation.group import Audience, Group
from accredit.rotation.watcher import Watcher

Selectors = frozenset[Selector]


class Directory:
    """Matches each different set of selectors once per set of entries.

    Audiences without watchers are kept for the next caller like them, ``idle`` of them at most.
    """

    def __init__(self, entries: EntrySet, idle: int) -> None:
        self._entries = entries
        self._max_idle = max(idle, 1)
        self._audiences: dict[Selectors, Audience] = {}
        self._idle: OrderedDict[Selectors, None] = OrderedDict()
        self._seats: dict[Watcher, tuple[Selectors, Audience]] = {}
        self._groups: dict[tuple[Entry, ...], Group] = {}
        self._by_entry: defaultdict[str, set[Group]] = defaultdict(set)

    @property
    def groups(self) -> Iterator[Group]:
        """Every group there is."""
        return iter(self._groups.values())

    @property
    def watchers(self) -> int:
        """How many wait for changes."""
        return len(self._seats)

    def find(self, selectors: Selectors) -> Audience:
        """Return the audience of callers with ``selectors``; do not keep it over an await."""
        audience = self._audiences.get(selectors)
        if audience is None:
            audience = self._admit(selectors)
        elif selectors in self._idle:
            self._idle.move_to_end(selectors)
        return audience

    def join(self, watcher: Watcher, selectors: Selectors) -> Audience:
        """Let ``watcher`` hear of changes for callers with ``selectors``, and no longer others."""
        seat = self._seats.get(watcher)
        # The same set as last time is nearly always the same object: no need to compare.
        if seat is not None and seat[0] is selectors:
            return seat[1]
        self.leave(watcher)
        audience = self.find(selectors)
        self._seats[watcher] = (selectors, audience)
        audience.watchers.add(watcher)
        self._idle.pop(selectors, None)
        return audience

    def leave(self, watcher: Watcher) -> None:
        """Let ``watcher`` hear of nothing more."""
        seat = self._seats.pop(watcher, None)
        if seat is not None:
            _, audience = seat
            audience.watchers.remove(watcher)
            if not audience.watchers:
                self._retire(audience)

    def groups_with(self, entry_id: str) -> frozenset[Group]:
        """Return the groups that are entitled to that entry."""
        return frozenset(self._by_entry.get(entry_id, ()))

    def watched(self, entry_id: str) -> bool:
        """Tell whether anybody waits for changes of that entry."""
        groups = self._by_entry.get(entry_id, ())
        return any(True for group in groups for _ in group.watchers)

    def replace(self, entries: EntrySet) -> list[Audience]:
        """Follow a new set of entries; return the audiences that are entitled to others now."""
        self._entries = entries
        for selectors in self._idle:
            self._detach(self._audiences.pop(selectors))
        self._idle.clear()
        return [audience for audience in self._audiences.values() if self._rematch(audience)]

    def _admit(self, selectors: Selectors) -> Audience:
        audience = Audience(selectors, self._group(self._entries.match(selectors)))
        audience.group.audiences.add(audience)
        self._audiences[selectors] = audience
        self._retire(audience)
        return audience

    def _retire(self, audience: Audience) -> None:
        self._idle[audience.selectors] = None
        if len(self._idle) > self._max_idle:
            oldest, _ = self._idle.popitem(last=False)
            self._detach(self._audiences.pop(oldest))

    def _rematch(self, audience: Audience) -> bool:
        group = self._group(self._entries.match(audience.selectors))
        if group is audience.group:
            return False
        self._detach(audience)
        audience.group = group
        group.audiences.add(audience)
        return True

    def _group(self, matching: tuple[Entry, ...]) -> Group:
        # The matches are in file order, and hints and default follow from them: one key for all.
        group = self._groups.get(matching)
        if group is None:
            group = self._groups[matching] = Group(matching)
            for entry in matching:
                self._by_entry[entry.entry_id].add(group)
        return group

    def _detach(self, audience: Audience) -> None:
        group = audience.group
        group.audiences.discard(audience)
        if group.audiences:
            return
        del self._groups[group.key]
        for entry in group.key:
            followers = self._by_entry[entry.entry_id]
            followers.discard(group)
            if not followers:
                del self._by_entry[entry.entry_id]
