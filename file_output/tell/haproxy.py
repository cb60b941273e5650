"""New certificates for a running HAProxy, without a reload, through its runtime API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from accredit.file_output.tell.haproxy_cli import Cli, shown
from accredit.file_output.tell.haproxy_reload import WatchedReload
from accredit.file_output.tell.way import Way, Written
from accredit.identity.errors import DeployError


class Store(StrEnum):
    """What HAProxy calls the two kinds of file."""

    CERTIFICATE = "ssl cert"
    AUTHORITIES = "ssl ca-file"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file of the set that HAProxy has loaded, and the path its configuration calls it by."""

    name: str
    store: Store = Store.CERTIFICATE
    path: str = ""

    def __post_init__(self) -> None:
        if not self.path:
            object.__setattr__(self, "path", f"{{dir}}/{self.name}")


@dataclass(frozen=True, slots=True)
class HaproxyRuntime:
    """Each file that changed is one transaction: set and commit, or abort.

    ``otherwise`` is done instead when the program's files are not known, or others changed too.
    Certificate authorities belong there with HAProxy 2.4 and 2.6, such as Debian's 2.6.12: a
    worker whose certificate is replaced after its authorities were crashes (haproxy issue 3165).
    With several sockets all of them are told.
    """

    sockets: tuple[Cli, ...]
    files: tuple[Loaded, ...]
    otherwise: Way | None = None

    async def tell(self, written: Written) -> None:
        """Do it, file by file."""
        changed, ours = written.changed(), {file.name for file in self.files}
        if self.otherwise is not None and (changed is None or changed - ours):
            await WatchedReload(self.otherwise, self.sockets).tell(written)
            return
        for cli in self.sockets:
            for file in self.files:
                if changed is None or file.name in changed:
                    await self._replace(cli, file, written)

    async def _replace(self, cli: Cli, file: Loaded, written: Written) -> None:
        content, path = written.content(file.name), written.fill(file.path)
        if content is None:
            raise DeployError(f"haproxy: the output has no file {file.name!r}")
        try:
            await self._require(cli, f"set {file.store} {path}", "ransaction", content)
            await self._require(cli, f"commit {file.store} {path}", "Success!")
        except (DeployError, asyncio.CancelledError):
            await self._abort(cli, file, path)
            raise

    @staticmethod
    async def _require(cli: Cli, command: str, wanted: str, payload: bytes = b"") -> None:
        answer = await cli.ask(command, payload)
        if wanted not in answer:
            raise DeployError(f"haproxy at {cli.address}: {command!r}: {shown(answer)}")

    @staticmethod
    async def _abort(cli: Cli, file: Loaded, path: str) -> None:
        # Left open it would keep everybody else from changing a certificate.
        try:
            await cli.ask(f"abort {file.store} {path}")
        except DeployError:
            return

    def __str__(self) -> str:
        return f"haproxy runtime API at {', '.join(str(cli.address) for cli in self.sockets)}"
