"""The templates among the registration entries, and which of them a caller gets an instance of."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import TypeAlias

from accredit.authority.entry import Entry
from accredit.authority.entry_template import EntryTemplate
from accredit.authority.references import Reference, Values
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId

_Placed: TypeAlias = tuple[int, EntryTemplate]


class TemplateIndex:
    """Templates with their places, immutable.

    Each is looked at for callers that have the rarest of its selectors, or where it has none, of
    its references. No instance has an ID of ``taken``: who writes an ID out means those selectors.
    """

    def __init__(self, templates: Iterable[_Placed], taken: Collection[SpiffeId]) -> None:
        self._all = tuple(templates)
        self._taken = taken
        self._by_selector: defaultdict[Selector, list[_Placed]] = defaultdict(list)
        self._by_reference: defaultdict[Reference, list[_Placed]] = defaultdict(list)
        wanted = Counter(chain.from_iterable(each.selectors for _, each in self._all))
        referred = Counter(chain.from_iterable(each.id.references for _, each in self._all))
        for placed in self._all:
            _, template = placed
            if template.selectors:
                rarest = min(template.selectors, key=lambda each: (wanted[each], each))
                self._by_selector[rarest].append(placed)
            else:
                first = min(template.id.references, key=lambda each: (referred[each], each))
                self._by_reference[first].append(placed)

    def match(self, selectors: frozenset[Selector]) -> Iterator[tuple[int, Entry]]:
        """Yield place and instance of every template that gives a caller one, in no order."""
        if not self._all:
            return
        values = Values(selectors)
        for place, template in self._candidates(selectors, values):
            if template.selectors <= selectors:
                entry = self._allowed(template.instance_for(values))
                if entry is not None:
                    yield place, entry

    def instance(self, template: EntryTemplate, values: tuple[str, ...]) -> Entry | None:
        """Return the entry that ``template`` gives for ``values`` of its references, if any."""
        return self._allowed(template.instance(values))

    def _allowed(self, entry: Entry | None) -> Entry | None:
        return None if entry is None or entry.spiffe_id in self._taken else entry

    def _candidates(self, selectors: frozenset[Selector], values: Values) -> Iterator[_Placed]:
        for selector in selectors:
            yield from self._by_selector.get(selector, ())
        if self._by_reference:
            for reference in set(values.references()):
                yield from self._by_reference.get(reference, ())
