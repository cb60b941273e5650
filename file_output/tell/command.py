"""A program run to its end: no shell, a clean environment, a deadline for it and its children."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from accredit.file_output.tell.output import Pipe
from accredit.file_output.tell.user import resolve
from accredit.file_output.tell.way import Written
from accredit.identity.errors import DeployError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CLEAN = {"PATH": PATH, "LANG": "C.UTF-8"}
_CURES = dict.fromkeys(
    (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE), "allow this process more"
)
DEFAULT_TIMEOUT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Command:
    """A program and its arguments; ``{dir}`` in them is the output's folder.

    It runs as ``user`` with all of that user's groups, in a process group of its own that is
    killed whole when ``timeout`` is over. Its environment is PATH, LANG and ``environment``, which
    may hold secrets.
    """

    argv: tuple[str, ...]
    timeout: timedelta = DEFAULT_TIMEOUT
    user: str = ""
    group: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0]:
            raise ValueError("a command needs a program and its arguments, as a list")
        if any("\0" in word for word in self.argv):
            raise ValueError("a command cannot hold a NUL character")
        given = self.environment.items()
        if any(not name or "=" in name or "\0" in name + value for name, value in given):
            raise ValueError("environment: a name is not empty and has no =, and nothing a NUL")

    async def tell(self, written: Written) -> None:
        """Run it; what it says on either stream is in the error if it fails."""
        argv = tuple(written.fill(word) for word in self.argv)
        with contextlib.closing(Pipe()) as pipe:
            process = await self._start(argv, pipe)
            code = await self._wait(process)
        if code != 0:
            said = pipe.tail.text()
            raise DeployError(f"{self} {_ending(code)}" + (f": {said}" if said else ""))

    async def _start(self, argv: tuple[str, ...], pipe: Pipe) -> Process:
        who = resolve(self.user, self.group)
        try:
            return await asyncio.create_subprocess_exec(
                *argv,
                stdin=DEVNULL,
                stdout=pipe.writing,
                stderr=pipe.writing,
                env={**_CLEAN, **self.environment},
                cwd="/",
                start_new_session=True,
                user=who.uid,
                group=who.gid,
                extra_groups=who.groups,
            )
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            cure = _CURES.get(error.errno or 0, "install it, or correct the command")
            raise DeployError(f"{argv[0]!r} cannot be run: {reason}; {cure}") from error
        finally:
            pipe.started()

    async def _wait(self, process: Process) -> int:
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                return await process.wait()
        except TimeoutError:
            seconds, killed = self.timeout.total_seconds(), await _end(process)
            done = "was" if killed else "could not be"
            why = "" if killed else ": it runs as another user"
            raise DeployError(
                f"{self} did not end within {seconds:g} s and {done} killed{why}; find out what it"
                " waits for, or raise its timeout"
            ) from None
        finally:
            await _end(process)

    def __str__(self) -> str:
        return f"command {self.argv[0]!r}"


async def _end(process: Process) -> bool:
    """Kill what is left of a command that did not end by itself, with its children.

    False if that is not allowed, as when sudo made it root's: then nobody waits for its end.
    """
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except PermissionError:
            return False
        except ProcessLookupError:
            pass
        await process.wait()
    return True


def _ending(code: int) -> str:
    if code >= 0:
        return f"failed with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
