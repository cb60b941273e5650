"""Selectors: one fact about a process, ``type:value``, in SPIRE's spelling."""

from __future__ import annotations

from dataclasses import dataclass

from accredit.identity.errors import SelectorError

_MAX_CHARS = 4096


@dataclass(frozen=True, slots=True, order=True)
class Selector:
    """One fact, such as type ``unix`` and value ``uid:1000``.

    Raises:
        SelectorError: a part is empty, the type holds a colon, or it is longer than 4096.
    """

    type: str
    value: str

    def __post_init__(self) -> None:
        if not self.type or not self.value or ":" in self.type:
            raise SelectorError(f"{str(self)[:100]!r} is not a selector: expected type:value")
        if len(self.type) + len(self.value) >= _MAX_CHARS:
            raise SelectorError(f"selector {str(self)[:100]!r}... is longer than {_MAX_CHARS}")

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Parse ``type:value``; the value may hold colons."""
        kind, _, value = text.partition(":")
        return cls(kind, value)

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"
