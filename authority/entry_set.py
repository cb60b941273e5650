"""All registration entries at one moment, and which of them a caller's selectors entitle it to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from accredit.authority.entry import Entry
from accredit.authority.entry_template import Declared, EntryTemplate
from accredit.authority.template_index import TemplateIndex
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId


@dataclass(frozen=True, slots=True)
class EntryDiff:
    """What one set of entries has over another; ``changed`` holds the new form.

    ``reordered`` tells that entries in both sets stand in another order, which may change who is
    somebody's default identity.
    """

    added: tuple[Declared, ...] = ()
    removed: tuple[Declared, ...] = ()
    changed: tuple[Declared, ...] = ()
    reordered: bool = False

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.reordered)


class EntrySet:
    """Entries and templates in file order, immutable.

    Matching looks at the rarest selector of each different selector set only, so its cost follows
    the number of entries that nearly match, not the number of entries. A template never gives an
    ID that an entry has: who writes an ID out means the selectors beside it. Nor does it give one
    of ``barred``.

    Raises:
        ValueError: two entries share an ``entry_id``.
    """

    def __init__(self, entries: Iterable[Declared] = (), barred: Iterable[SpiffeId] = ()) -> None:
        self.entries = tuple(entries)
        self._by_id = {entry.entry_id: entry for entry in self.entries}
        if len(self._by_id) < len(self.entries):
            raise ValueError("two entries share an entry_id")
        plain = [(n, each) for n, each in enumerate(self.entries) if isinstance(each, Entry)]
        self._groups = _group(plain)
        self._index = _index(self._groups)
        self._owners = {entry.spiffe_id: entry for _, entry in plain}
        self._templates = TemplateIndex(
            ((n, each) for n, each in enumerate(self.entries) if isinstance(each, EntryTemplate)),
            {*self._owners, *barred},
        )

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Declared]:
        return iter(self.entries)

    def by_id(self, entry_id: str) -> Declared | None:
        """Return the entry or template with that id; instances are not found so."""
        return self._by_id.get(entry_id)

    def owner(self, spiffe_id: SpiffeId) -> Entry | None:
        """Return an entry that has this ID written out, for which no template gives it."""
        return self._owners.get(spiffe_id)

    def current(self, entry: Entry) -> Entry | None:
        """Return what has become of an earlier set's entry or instance; None if it is gone."""
        found = self._by_id.get(entry.template_id or entry.entry_id)
        if isinstance(found, EntryTemplate):
            return self._templates.instance(found, entry.values)
        return found

    def match(self, selectors: frozenset[Selector]) -> tuple[Entry, ...]:
        """Return, in file order, every entry all of whose selectors are among ``selectors``.

        A template gives its instance for these, if it has one.
        """
        matching = [
            self._groups[required]
            for selector in selectors
            for required in self._index.get(selector, ())
            if required <= selectors
        ]
        if instances := list(self._templates.match(selectors)):
            matching.append(instances)
        if len(matching) == 1 and not instances:
            return tuple(entry for _, entry in matching[0])
        return tuple(entry for _, entry in sorted(chain(*matching), key=_place))


def diff(old: EntrySet, new: EntrySet) -> EntryDiff:
    """Return what changes when ``new`` takes the place of ``old``."""
    kept = [entry.entry_id for entry in old if new.by_id(entry.entry_id)]
    kept_new = [entry.entry_id for entry in new if old.by_id(entry.entry_id)]
    return EntryDiff(
        added=tuple(entry for entry in new if not old.by_id(entry.entry_id)),
        removed=tuple(entry for entry in old if not new.by_id(entry.entry_id)),
        changed=tuple(entry for entry in new if old.by_id(entry.entry_id) not in (None, entry)),
        reordered=kept != kept_new,
    )


_Placed: TypeAlias = tuple[int, Entry]


def _place(placed: _Placed) -> int:
    return placed[0]


def _group(entries: Iterable[_Placed]) -> Mapping[frozenset[Selector], list[_Placed]]:
    groups: defaultdict[frozenset[Selector], list[_Placed]] = defaultdict(list)
    for place, entry in entries:
        groups[entry.selectors].append((place, entry))
    return groups


def _index(
    groups: Mapping[frozenset[Selector], list[_Placed]],
) -> Mapping[Selector, list[frozenset[Selector]]]:
    frequency = Counter(chain.from_iterable(groups))
    index: defaultdict[Selector, list[frozenset[Selector]]] = defaultdict(list)
    for required in groups:
        # An entry without selectors would match everyone: it matches nobody.
        if required:
            index[min(required, key=lambda each: (frequency[each], each))].append(required)
    return index
