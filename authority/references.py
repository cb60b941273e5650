"""References to selectors, as templates of SPIFFE IDs hold them, and what a caller has for each.

``k8s:ns`` refers to the value of the caller's selector ``k8s:ns:...``, ``docker:label:app`` to that
of ``docker:label:app:...``, and ``output`` to the name of an output.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from accredit.authority.selector_kinds import OUTPUT, is_keyed, mistake_in_reference
from accredit.identity.errors import SelectorError
from accredit.identity.selector import Selector

_PART = re.compile(r"[A-Za-z0-9._/-]+")
_MOST_PARTS = 3


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """What has one value on a caller: a selector's type and kind, with a key where it has several.

    No part holds a colon: a label ``a:b`` with value ``c`` and a label ``a`` with value ``b:c`` are
    the same selector, and so nobody could tell whose value it is.
    """

    type: str
    kind: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse ``k8s:ns`` or ``docker:label:app``.

        Raises:
            SelectorError: it refers to no kind of selectors whose value a path could hold.
        """
        parts = text.split(":")
        wrong = not all(map(_PART.fullmatch, parts)) or len(parts) > _MOST_PARTS
        if wrong or (len(parts) == 1) != (parts[0] == OUTPUT):
            raise SelectorError(
                f"{{{text[:100]}}} refers to no selector: expected the like of {{unix:user}} or"
                " {docker:label:app}"
            )
        if mistake := mistake_in_reference(*parts):
            raise SelectorError(mistake)
        return cls(parts[0], ":".join(parts[1:]))

    @classmethod
    def of(cls, selector: Selector) -> Reference:
        """Return what refers to selectors of this kind, and with this key where there are keys."""
        if selector.type == OUTPUT:
            return cls(OUTPUT)
        kind, _, rest = selector.value.partition(":")
        if is_keyed(kind) and ":" in rest:
            return cls(selector.type, f"{kind}:{rest.partition(':')[0]}")
        return cls(selector.type, kind)

    def __str__(self) -> str:
        return f"{self.type}:{self.kind}" if self.kind else self.type


class Values:
    """What one caller's selectors have for each reference there could be."""

    def __init__(self, selectors: Collection[Selector]) -> None:
        self._selectors = selectors

    def of(self, reference: Reference) -> Sequence[str]:
        """Return them all, empty ones too, in no order."""
        kind, prefix = reference.type, f"{reference.kind}:" if reference.kind else ""
        return [
            each.value[len(prefix) :]
            for each in self._selectors
            if each.type == kind and each.value.startswith(prefix)
        ]

    def references(self) -> Iterator[Reference]:
        """Yield every reference with a value, perhaps more than once."""
        for selector in self._selectors:
            if selector.type == OUTPUT:
                yield Reference(OUTPUT)
                continue
            kind, _, value = selector.value.partition(":")
            key, colon, _ = value.partition(":")
            if value:
                yield Reference(selector.type, kind)
            if colon:
                yield Reference(selector.type, f"{kind}:{key}")
