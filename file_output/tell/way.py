"""What every way of telling a program has in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from accredit.file_output.fileset import FileSet
from accredit.file_output.spec import FileSpec

_FOLDER = "{dir}"


@dataclass(frozen=True, slots=True)
class Written:
    """A set of files that ``folder`` shows now, and what they were made for.

    ``before`` is the set that the program had read until now, if that is known.
    """

    folder: Path
    files: FileSet
    specs: tuple[FileSpec, ...] = ()
    before: FileSet | None = None

    def fill(self, text: str) -> str:
        """Return ``text`` with ``{dir}`` replaced by the folder."""
        return text.replace(_FOLDER, str(self.folder))

    def content(self, name: str) -> bytes | None:
        """Return what the file of that name holds, or None if there is none."""
        return _contents(self.files).get(name)

    def changed(self) -> frozenset[str] | None:
        """Return the names of the files that are new, other or gone; None if nobody knows."""
        if self.before is None:
            return None
        old, new = _contents(self.before), _contents(self.files)
        return frozenset(name for name in old | new if old.get(name) != new.get(name))


def _contents(files: FileSet) -> dict[str, bytes]:
    return {file.name: file.content for file in files.files}


class Way(Protocol):
    """One way; as text it says in a few words what it does, without a secret."""

    async def tell(self, written: Written) -> None:
        """Return once the program has taken the message.

        Raises:
            DeployError: it refused, or could not be told.
        """
        ...


@dataclass(frozen=True, slots=True)
class Nothing:
    """For programs that look at their files themselves."""

    async def tell(self, written: Written) -> None:
        """Do nothing."""

    def __str__(self) -> str:
        return "nothing to do"
