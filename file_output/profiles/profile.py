"""What a program is known to want."""

from __future__ import annotations

from dataclasses import dataclass

from accredit.file_output.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Profile:
    """A recipe that suits the program as its Debian package installs it; replace what differs.

    ``lines`` go into the program's own configuration; ``{dir}`` is the output's folder.
    """

    name: str
    recipe: Recipe
    lines: str
    note: str = ""
