"""A set of files read back from disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from accredit.file_output.dirs import names
from accredit.file_output.fileset import FileSet, RenderedFile
from accredit.file_output.spec import FileSpec, Kind

_MAX_FILES = 4096
_MAX_BYTES = 8 * 1024 * 1024


def read_set(folder: Path, version: str, specs: tuple[FileSpec, ...]) -> FileSet:
    """Return the files of a set whose version is known.

    Serial and end come from the leaf, if the set has it as PEM.

    Raises:
        OSError: it cannot be read.
        ValueError: there is something among the files that accredit never wrote.
    """
    files = tuple(_read_all(folder))
    leaf = _leaf(files, specs)
    if leaf is None:
        return FileSet(files, version)
    serial, ends = f"{leaf.serial_number:x}", leaf.not_valid_after_utc
    return FileSet(files, version, serial, ends, leaf.fingerprint(SHA256()).hex())


def _read_all(folder: Path) -> Iterator[RenderedFile]:
    with _opened(folder, os.O_DIRECTORY) as directory:
        there = names(directory)
        if len(there) > _MAX_FILES:
            raise ValueError(f"{folder} holds more than {_MAX_FILES} files")
        for name in sorted(there):
            yield _read(name, directory)


def _read(name: str, directory: int) -> RenderedFile:
    with _opened(name, os.O_NOFOLLOW | os.O_NONBLOCK, directory) as descriptor:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MAX_BYTES:
            raise ValueError(f"{name} is no file of a set")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(_MAX_BYTES)
    mode = stat.S_IMODE(found.st_mode)
    return RenderedFile(name, content, mode, found.st_uid, found.st_gid)


@contextmanager
def _opened(path: Path | str, flags: int, folder: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _leaf(files: tuple[RenderedFile, ...], specs: tuple[FileSpec, ...]) -> x509.Certificate | None:
    with_leaf = {spec.name for spec in specs if spec.kind in {Kind.CERTIFICATE, Kind.COMBINED}}
    for file in files:
        if file.name in with_leaf:
            return x509.load_pem_x509_certificates(file.content)[0]
    return None
