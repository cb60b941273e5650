"""One output, as it was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from accredit.file_output.spec import FileSpec
from accredit.file_output.tell.way import Nothing, Way

_NOTHING = Nothing()


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which files a program wants, and how it is told of new ones and checked.

    ``validate`` runs after the switch and before the program is told; ``verify`` afterwards.
    """

    files: tuple[FileSpec, ...]
    validate: Way = _NOTHING
    reload: Way = _NOTHING
    verify: Way = _NOTHING

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError("an output needs at least one file")
