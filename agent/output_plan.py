"""One output as the configuration asks for it, nothing left to check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from accredit.file_output.recipe import Recipe
from accredit.identity.spiffe_id import SpiffeId, TrustDomain


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of several identities is meant; both empty: whichever comes first.

    ``spiffe_id`` is a whole one, or the path of one in the own trust domain.
    """

    spiffe_id: str = ""
    hint: str = ""

    def __post_init__(self) -> None:
        if self.spiffe_id:
            self.whole(TrustDomain("x"))

    def whole(self, own: TrustDomain) -> SpiffeId:
        """Return the SPIFFE ID that ``spiffe_id`` means.

        Raises:
            SpiffeIdError: it is none.
        """
        text = self.spiffe_id
        return SpiffeId.parse(text) if "://" in text else SpiffeId(own, text)

    def matches(self, spiffe_id: SpiffeId, hint: str, own: TrustDomain) -> bool:
        """Tell whether an identity is the one meant."""
        if self.spiffe_id:
            return spiffe_id == self.whole(own)
        return not self.hint or hint == self.hint

    def __str__(self) -> str:
        return self.spiffe_id or (f"hint {self.hint!r}" if self.hint else "any identity")


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """Paths are absolute. ``name`` is its own among all outputs, and ``folder`` too."""

    name: str
    folder: Path
    wanted: Wanted
    recipe: Recipe
    folder_mode: int = 0o755
