"""Files as they are to be on disk, complete, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from accredit.file_output.layout import SetName
from accredit.file_output.spec import check_distinct, check_file_name


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """One file with its content, mode, owner and group; None means those of accredit.

    ``salted`` content differs each time it is made, although it means the same.

    Raises:
        ValueError: the name is not that of a file in the folder.
    """

    name: str
    content: bytes = field(repr=False)
    mode: int
    uid: int | None = None
    gid: int | None = None
    salted: bool = False

    def __post_init__(self) -> None:
        check_file_name(self.name)


@dataclass(frozen=True, slots=True, eq=False)
class FileSet:
    """The files of one output that belong together, and what a look from outside must find.

    ``version`` is equal exactly if the material, names, modes and owners are: it is not of the
    bytes, since keystores are salted anew each time. ``serial`` and ``not_after`` are the leaf's,
    ``leaf_sha256`` is the hex SHA-256 of its DER; without an SVID they are empty and None.
    ``left_out`` says for people which files are missing, and why, and ``stale`` which hold what an
    earlier set held, and why. There may be no file at all: an output of federated bundles ends so
    when the last federation does.

    Raises:
        ValueError: two files have the same name, or the version is no name.
    """

    files: tuple[RenderedFile, ...]
    version: str
    serial: str = ""
    not_after: datetime | None = None
    leaf_sha256: str = ""
    left_out: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_distinct(file.name for file in self.files)
        SetName(1, self.version)

    def content(self, name: str) -> bytes | None:
        """Return what the file of that name holds, or None if there is none."""
        return next((file.content for file in self.files if file.name == name), None)
