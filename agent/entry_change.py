"""What becomes of one caller when other entries take the place of the present ones. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from accredit.authority.entry import Entry
from accredit.identity.durations import format_duration
from accredit.rotation.entitlement import Entitlement

_Term = Callable[[Entry, Entitlement], str]
_TERMS: Mapping[str, _Term] = {
    "ttl": lambda entry, _: format_duration(entry.x509_ttl),
    "jwt_ttl": lambda entry, _: format_duration(entry.jwt_ttl),
    "hint": lambda entry, entitlement: entitlement.hints[entry.entry_id],
    "federates_with": lambda entry, _: " ".join(sorted(map(str, entry.federates_with))),
    "dns_names": lambda entry, _: " ".join(sorted(entry.dns_names)),
}


@dataclass(frozen=True, slots=True)
class Changed:
    """A term of an identity that is kept: what it was and what it will be."""

    spiffe_id: str
    term: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """``default`` is a change of the identity that stands for all where none is named."""

    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    changed: tuple[Changed, ...] = ()
    default: tuple[str, str] | None = None

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.changed or self.default)


def change(before: Sequence[Entry], after: Sequence[Entry]) -> Change:
    """Compare two answers to one caller, both in file order.

    An identity is its SPIFFE ID: by which entry it comes does not count.
    """
    old, new = Entitlement(before), Entitlement(after)
    old_ids, new_ids = _by_id(old), _by_id(new)
    return Change(
        gained=tuple(each for each in new_ids if each not in old_ids),
        lost=tuple(each for each in old_ids if each not in new_ids),
        changed=tuple(_changed(old, new, old_ids, new_ids)),
        default=_default(old, new),
    )


def _by_id(entitlement: Entitlement) -> Mapping[str, list[Entry]]:
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entitlement.entries:
        found[entry.shown_id].append(entry)
    return found


def _changed(
    old: Entitlement,
    new: Entitlement,
    old_ids: Mapping[str, list[Entry]],
    new_ids: Mapping[str, list[Entry]],
) -> Iterator[Changed]:
    for spiffe_id in (each for each in old_ids if each in new_ids):
        for term, text in _TERMS.items():
            before = ", ".join(sorted(text(each, old) for each in old_ids[spiffe_id]))
            after = ", ".join(sorted(text(each, new) for each in new_ids[spiffe_id]))
            if before != after:
                yield Changed(spiffe_id, term, before, after)


def _default(old: Entitlement, new: Entitlement) -> tuple[str, str] | None:
    if not old.entries or not new.entries:
        return None
    before, after = old.entries[0].shown_id, new.entries[0].shown_id
    return None if before == after else (before, after)
