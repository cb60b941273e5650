"""Why an entry does not match a caller, selector by selector. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from accredit.authority.entry import Entry
from accredit.authority.entry_set import EntrySet
from accredit.authority.entry_template import Declared, EntryTemplate
from accredit.authority.references import Reference, Values
from accredit.authority.selector_kinds import OUTPUT
from accredit.identity.selector import Selector

_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that an entry wants and a caller has not: a selector, or a reference in braces."""

    wanted: str
    reason: str


@dataclass(frozen=True, slots=True)
class Miss:
    """An entry or template that does not match, and everything that keeps it from matching."""

    entry: Declared
    lacks: tuple[Lack, ...]


def nearest(entries: EntrySet, selectors: frozenset[Selector], most: int) -> list[Miss]:
    """Return those that come nearest to matching, the one that lacks least first.

    Entries for outputs are left out: no caller ever matches them.
    """
    caller = Values(selectors)
    matching = {each.template_id or each.entry_id for each in entries.match(selectors)}
    others = (
        (_distance(entry, selectors, caller), place, entry)
        for place, entry in enumerate(entries)
        if entry.entry_id not in matching and not _is_for_output(entry)
    )
    found = heapq.nsmallest(most, others, key=lambda each: each[:2])
    return [Miss(entry, tuple(_lacks(entry, entries, selectors, caller))) for *_, entry in found]


def _is_for_output(entry: Declared) -> bool:
    if any(selector.type == OUTPUT for selector in entry.selectors):
        return True
    return isinstance(entry, EntryTemplate) and Reference(OUTPUT) in entry.id.references


def _distance(entry: Declared, selectors: frozenset[Selector], caller: Values) -> tuple[int, int]:
    """Return how much is lacking; of those that lack the same, the one with more is nearer."""
    lacking = len(entry.selectors - selectors)
    wanted = len(entry.selectors)
    if isinstance(entry, EntryTemplate):
        lacking += sum(1 for _ in entry.id.mistakes(caller))
        wanted += len(set(entry.id.references))
    return lacking, -wanted


def _lacks(
    entry: Declared, entries: EntrySet, selectors: frozenset[Selector], caller: Values
) -> Iterator[Lack]:
    for selector in sorted(entry.selectors - selectors):
        yield Lack(str(selector), _instead(selector, selectors, caller))
    if not entry.selectors and isinstance(entry, Entry):
        yield Lack("", "it has no selectors and matches nobody")
    if isinstance(entry, EntryTemplate):
        yield from _lacks_of_template(entry, entries, caller)


def _lacks_of_template(
    template: EntryTemplate, entries: EntrySet, caller: Values
) -> Iterator[Lack]:
    for reference, reason in template.id.mistakes(caller):
        yield Lack(f"{{{reference}}}", reason)
    values = template.id.values(caller)
    if values is None:
        return
    spiffe_id = template.id.fill(values)
    if spiffe_id is None:
        yield Lack(template.path, "the ID would be longer than 2048 bytes")
    elif owner := entries.owner(spiffe_id):
        reason = f"{spiffe_id} is written out at {owner.source}, and that entry alone gives it"
        yield Lack(template.path, reason)


def _instead(selector: Selector, selectors: frozenset[Selector], caller: Values) -> str:
    """Say what the caller has of the same kind."""
    reference = Reference.of(selector)
    values = sorted(caller.of(reference))
    if not values:
        if any(each.type == selector.type for each in selectors):
            return f"the caller has no {reference}"
        return f"nothing of type {selector.type} is known of the caller"
    shown = ", ".join(f"{reference}:{value}" for value in values[:_MOST_SHOWN])
    more = len(values) - _MOST_SHOWN
    return f"the caller has {shown}" + (f" and {more} more" if more > 0 else "")
