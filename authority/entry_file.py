"""Registration entries as people write them, read strictly: every mistake at once, with its line.

One entry in YAML::

    - id: /ns/payments/sa/checkout     # or a whole SPIFFE ID of the own trust domain
      selectors: ["unix:user:checkout"]
      ttl: 1h                          # of its X.509-SVIDs
      jwt_ttl: 5m
      federates_with: [partner.example]
      hint: internal
      default: true
      dns_names: [checkout.internal]

A reference in the ID, such as ``/ns/{k8s:ns}``, makes it a template: each caller gets its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from accredit.authority.entry import Entry
from accredit.authority.entry_fields import EntryFields
from accredit.authority.entry_template import Declared, EntryTemplate
from accredit.authority.id_template import IdTemplate
from accredit.identity.errors import ConfigError, Mistake
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.yaml_lines import Key, Lines, Plain, load, show

_ENTRY_ID_CHARS = 16


@dataclass(frozen=True, slots=True)
class EntryDefaults:
    """Lifetimes of SVIDs whose entry names none (SPIFFE-ID section 4.1.1: short)."""

    x509_ttl: timedelta = timedelta(hours=1)
    jwt_ttl: timedelta = timedelta(minutes=5)


def entry_id(spiffe_id: SpiffeId | IdTemplate, selectors: Iterable[Selector]) -> str:
    """Return 16 hex digits that name this identity, or template, for these selectors, for ever."""
    content = json.dumps([str(spiffe_id), *sorted(str(selector) for selector in selectors)])
    return hashlib.sha256(content.encode()).hexdigest()[:_ENTRY_ID_CHARS]


def parse_entries(
    text: str, path: str, trust_domain: TrustDomain, defaults: EntryDefaults
) -> tuple[Declared, ...]:
    """Return the entries of a file that holds ``entries:`` and nothing else.

    Raises:
        ConfigError: with every mistake in it.
    """
    data, lines = load(text, path)
    reader = EntryReader(path, lines, trust_domain, defaults)
    reader.refuse_other_keys(data)
    entries = reader.read(data)
    mistakes = [*reader.mistakes, *duplicates(entries)]
    if mistakes:
        raise ConfigError(mistakes)
    return entries


class EntryReader:
    """Reads the ``entries:`` of one file; ``mistakes`` collects what is wrong with them."""

    def __init__(
        self, path: str, lines: Lines, trust_domain: TrustDomain, defaults: EntryDefaults
    ) -> None:
        self.mistakes: list[Mistake] = []
        self._path = path
        self._lines = lines
        self._trust_domain = trust_domain
        self._defaults = defaults

    def refuse_other_keys(self, data: Plain) -> None:
        """Report keys beside ``entries``: for files that hold nothing else."""
        for key in data if isinstance(data, dict) else ():
            if key != "entries":
                self._report((key,), "unknown key; a file of entries holds 'entries' only")

    def read(self, data: Plain) -> tuple[Declared, ...]:
        """Return those of the document's entries that have no mistake, in file order."""
        if not isinstance(data, dict | None):
            self._report((), "expected 'entries:' and below it a list")
            return ()
        items = None if data is None else data.get("entries")
        if not isinstance(items, list | None):
            self._report(("entries",), "expected a list of entries, each with 'id' and 'selectors'")
            return ()
        found = [self._entry(item, place) for place, item in enumerate(items or ())]
        return tuple(entry for entry in found if entry is not None)

    def _entry(self, data: Plain, place: int) -> Declared | None:
        key, before = ("entries", place), len(self.mistakes)
        if not isinstance(data, dict):
            self._report(key, "expected an entry with 'id' and 'selectors'")
            return None
        entry = self._fields(data, key, place)
        return entry if len(self.mistakes) == before else None

    def _fields(self, data: Mapping[str, Plain], key: Key, place: int) -> Declared:
        fields = EntryFields(data, lambda at, reason: self._report((*key, *at), reason))
        fields.check_keys()
        spiffe_id = fields.spiffe_id(self._trust_domain)
        selectors = fields.selectors()
        make = (
            partial(Entry, spiffe_id=spiffe_id)
            if isinstance(spiffe_id, SpiffeId)
            else partial(EntryTemplate, id=spiffe_id)
        )
        return make(
            entry_id=entry_id(spiffe_id, selectors),
            selectors=selectors,
            x509_ttl=fields.duration("ttl", self._defaults.x509_ttl),
            jwt_ttl=fields.duration("jwt_ttl", self._defaults.jwt_ttl),
            federates_with=fields.federates_with(self._trust_domain),
            hint=fields.hint(),
            default=fields.default(),
            dns_names=fields.dns_names(),
            order=place,
            source=f"{self._path}:{self._lines.line(key)}",
        )

    def _report(self, key: Key, reason: str) -> None:
        self.mistakes.append(Mistake(self._path, self._lines.line(key), show(key), reason))


def duplicates(entries: Iterable[Declared]) -> list[Mistake]:
    """Return a mistake for each entry that has the ID and selectors of an earlier one."""
    first: dict[str, Declared] = {}
    mistakes = []
    for entry in entries:
        earlier = first.setdefault(entry.entry_id, entry)
        if earlier is not entry:
            path, _, line = entry.source.rpartition(":")
            reason = f"{entry.shown_id} with the same selectors stands in {earlier.source} already"
            mistakes.append(Mistake(path, int(line), "entries", reason))
    return mistakes
