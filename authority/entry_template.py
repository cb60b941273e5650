"""A registration entry that gives each caller an ID made of its own selectors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from accredit.authority.entry import Entry
from accredit.authority.id_template import IdTemplate
from accredit.authority.references import Values
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import TrustDomain

# Twice those of a declared entry: what is hashed is not the operator's alone to choose.
_ENTRY_ID_CHARS = 32


@dataclass(frozen=True, slots=True)
class EntryTemplate:
    """One shape of identities, and what a caller must be to get one of them.

    That is: it has all of ``selectors``, and exactly one fit value for each reference of ``id``.
    The other fields are those of an entry, and each instance's.
    """

    entry_id: str
    id: IdTemplate
    selectors: frozenset[Selector]
    x509_ttl: timedelta
    jwt_ttl: timedelta
    federates_with: tuple[TrustDomain, ...] = ()
    hint: str = ""
    default: bool = False
    dns_names: tuple[str, ...] = ()
    order: int = field(default=0, compare=False)
    source: str = field(default="", compare=False)

    @property
    def shown_id(self) -> str:
        """The ID, references in braces."""
        return str(self.id)

    @property
    def path(self) -> str:
        """The path of the ID, references in braces."""
        return self.id.path

    def instance_for(self, caller: Values) -> Entry | None:
        """Return the entry for one caller, which has ``selectors``; None if it gets none."""
        values = self.id.values(caller)
        return None if values is None else self.instance(values)

    def instance(self, values: Sequence[str]) -> Entry | None:
        """Return the entry for ``values`` of the references; None if there is no such ID.

        It is the same, its ``entry_id`` too, whenever template and values are.
        """
        spiffe_id = self.id.fill(values)
        if spiffe_id is None:
            return None
        return Entry(
            entry_id=_instance_id(self.entry_id, values),
            spiffe_id=spiffe_id,
            selectors=self.selectors,
            x509_ttl=self.x509_ttl,
            jwt_ttl=self.jwt_ttl,
            federates_with=self.federates_with,
            hint=self.hint,
            default=self.default,
            dns_names=self.dns_names,
            template_id=self.entry_id,
            values=tuple(values),
            order=self.order,
            source=self.source,
        )


Declared: TypeAlias = Entry | EntryTemplate
"""What a file of entries can hold."""


def wants(entry: Declared) -> Iterator[tuple[str, Selector]]:
    """Yield what it wants, as it is written, with a selector of that kind: for a reference, any."""
    yield from ((str(selector), selector) for selector in sorted(entry.selectors))
    if isinstance(entry, EntryTemplate):
        for reference in dict.fromkeys(entry.id.references):
            yield f"{{{reference}}}", Selector.parse(f"{reference}:x")


def _instance_id(template_id: str, values: Sequence[str]) -> str:
    # No declared entry's content is a list that begins like this one: that begins with its ID.
    content = json.dumps(["instance", template_id, *values])
    return hashlib.sha256(content.encode()).hexdigest()[:_ENTRY_ID_CHARS]
