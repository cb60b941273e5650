"""What a package imports to bring an attestor of its own; docs/attestation.md shows one whole.

The package names a class under the entry point group ``accredit.attestors``; the name is the type
of its selectors. The configuration has to name it too, under ``attestation.plugins``: what is
merely installed is never loaded. These names stay as they are within a major version::

    from accredit.attestation.plugin import Caller, Trust, UnavailableError

    class Rack:
        trust = Trust.ROOT_OWNED

        def __init__(self, options): ...

        def attest(self, caller):
            return ["row:7"]            # the selector rack:row:7
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from accredit.attestation.process import Process
from accredit.attestation.trust import Trust
from accredit.identity.errors import UnavailableError

__all__ = ["Attestor", "Caller", "Factory", "Trust", "UnavailableError"]


class Caller:
    """The process that asks, as the kernel knows it; good only while ``attest`` runs.

    What is read through it is that process's own, even if its pid is given away meanwhile. Never
    open ``/proc/PID`` by number instead.
    """

    __slots__ = ("_process", "gid", "pid", "uid")

    def __init__(self, process: Process, uid: int, gid: int) -> None:
        self._process: Process | None = process
        self.pid = process.pid
        self.uid = uid
        self.gid = gid

    def read(self, name: str) -> bytes:
        """Return a file of its ``/proc`` folder, such as ``status``; ValueError over a mebibyte."""
        return self._alive().read(name)

    def open(self, name: str, flags: int = os.O_RDONLY) -> int:
        """Return a descriptor, for you to close, on what is in its ``/proc`` folder.

        Below ``root`` and behind ``exe`` lies what the workload arranged.
        """
        return self._alive().open(name, flags)

    def namespace(self, kind: str) -> tuple[int, int]:
        """Return device and inode of its namespace of one ``kind``, such as ``mnt``."""
        return self._alive().namespace(kind)

    @property
    def pidfd(self) -> int:
        """A descriptor that holds the process; borrowed, so duplicate what you keep."""
        return self._alive().pidfd

    def _alive(self) -> Process:
        if self._process is None:
            raise RuntimeError("a caller can be looked at only while attest runs")
        return self._process


class Attestor(Protocol):
    """What the class of an entry point makes.

    It may also have ``trust``, a :class:`Trust`: whose word its selectors are. Without one they
    count as the workload's own.
    """

    def attest(self, caller: Caller) -> Iterable[str]:
        """Return values of selectors, such as ``row:7``; the type is added. None known is fine.

        It runs in a thread, so it may block, for as long as ``limits.attestation``; callers of
        one user are looked at one after the other, those of several at the same time.

        Raises:
            UnavailableError: it cannot tell just now, and will be asked again.
            Exception: anything else is a mistake and costs its selectors until the next caller.
        """
        ...


class Factory(Protocol):
    """What an entry point names: a class, or a function that returns an attestor."""

    def __call__(self, options: Mapping[str, Any]) -> Attestor:
        """Return the attestor; ValueError with a text for people if the options are wrong."""
        ...


@contextmanager
def lent(process: Process, uid: int, gid: int) -> Iterator[Caller]:
    """Let a plug-in look at a process for once; for accredit's own use."""
    caller = Caller(process, uid, gid)
    try:
        yield caller
    finally:
        caller._process = None  # noqa: SLF001  plug-ins have no business with it
