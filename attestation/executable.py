"""Path and SHA-256 of the program a caller runs."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial

from accredit.attestation.background import Background
from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence
from accredit.attestation.kernel import is_on_fuse
from accredit.attestation.namespaces import has_honest_paths
from accredit.attestation.process import DELETED, Process
from accredit.identity.selector import Selector

_THREADS = 4
_PIECE_BYTES = 1 << 20
_MAX_KEPT = 1024

_FileKey = tuple[int, ...]


class Executables:
    """Reads programs off the event loop, one at a time for each user, and remembers their hashes.

    Files larger than ``size_limit`` bytes are not hashed.
    """

    def __init__(self, size_limit: int) -> None:
        self._size_limit = size_limit
        self._background = Background[Evidence]("executables", _THREADS)
        self._hashes: OrderedDict[_FileKey, str] = OrderedDict()

    async def evidence(self, caller: KernelCaller) -> Evidence:
        """Return ``unix:path`` and ``unix:sha256`` of ``caller``, or why they cannot be had.

        Neither is given for a program that has been deleted, whose path is not UTF-8, or that is
        seen through mounts somebody unprivileged may have arranged.

        Raises:
            AttestationError: the caller has exited or changed.
            UnavailableError: this process is out of descriptors, memory or threads.
        """
        return await self._background.run(caller.uid, partial(self._examine, caller))

    def _examine(self, caller: KernelCaller) -> Evidence:
        with caller.opened() as process:
            try:
                return self._facts(process)
            except PermissionError:
                return _none("seeing the programs of other users takes root or CAP_SYS_PTRACE")

    def _facts(self, process: Process) -> Evidence:
        if not has_honest_paths(process):
            return _none("its mounts are its own, so its paths prove nothing")
        link = process.executable_link()
        if link.endswith(DELETED):
            return _none("the program has been deleted")
        try:
            path = Selector("unix", f"path:{link.decode()}")
        except UnicodeDecodeError:
            return _none("the path of the program is not UTF-8")
        program = process.open("exe")
        try:
            digest = self._digest(program)
        except ValueError as error:
            return Evidence(frozenset({path}), {"unix:sha256": str(error)})
        finally:
            os.close(program)
        return Evidence(frozenset({path, Selector("unix", f"sha256:{digest}")}))

    def _digest(self, program: int) -> str:
        before = _hashable(program, self._size_limit)
        digest = self._hashes.get(before)
        if digest is None:
            digest = _sha256(program)
            if _file_key(os.fstat(program)) != before:
                raise ValueError("the program changed while it was read")
            self._keep(before, digest)
        return digest

    def _keep(self, key: _FileKey, digest: str) -> None:
        self._hashes[key] = digest
        if len(self._hashes) > _MAX_KEPT:
            self._hashes.popitem(last=False)


def _hashable(program: int, size_limit: int) -> _FileKey:
    found = os.fstat(program)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("the program is no regular file")
    if found.st_size > size_limit:
        raise ValueError(f"the program has {found.st_size} bytes, more than {size_limit}")
    if is_on_fuse(program):
        raise ValueError("the program is on FUSE, which may show each reader another content")
    return _file_key(found)


def _file_key(found: os.stat_result) -> _FileKey:
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)


def _sha256(descriptor: int) -> str:
    digest = hashlib.sha256()
    while piece := os.read(descriptor, _PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _none(reason: str) -> Evidence:
    failures: Mapping[str, str] = {"unix:path": reason, "unix:sha256": reason}
    return Evidence(frozenset(), failures)
