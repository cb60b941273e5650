"""What an encoding returns."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file, and ``identity``: what the bytes mean, equal for equal input.

    ``salted`` bytes differ each time they are made, so that only the identity can be compared.
    """

    data: bytes = field(repr=False)
    identity: bytes = field(repr=False)
    salted: bool = False

    @classmethod
    def plain(cls, data: bytes) -> Content:
        """Return content that is its own identity."""
        return cls(data, data)
