"""A real Envoy with a bootstrap of ours, and what its admin interface says."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from accredit.envoy.bootstrap import to_json
from accredit.envoy.sidecar import Sidecar
from support import needs
from support.envoy_admin import EnvoyAdmin
from support.eventually import wait_until

Inside = Callable[[list[str | Path]], list[str | Path]]


def own_copy(folder: Path) -> Path:
    """Give a sidecar an Envoy at a path of its own, so that ``unix:path`` tells it from others."""
    source, target = needs.envoy(), folder / "envoy"
    try:
        os.link(source, target)
    except OSError:
        target.write_bytes(source.read_bytes())
        target.chmod(0o755)
    return target


class EnvoyProcess(EnvoyAdmin):
    """One sidecar in ``folder``; its log and access log lie there too.

    Without a ``program`` it gets a copy of Envoy of its own.
    """

    def __init__(
        self,
        folder: Path,
        sidecar: Sidecar | None = None,
        bootstrap: dict[str, Any] | None = None,
        program: Path | None = None,
    ) -> None:
        """Take a sidecar, or a bootstrap of the test's own, which gets an admin interface."""
        super().__init__(sidecar.admin_socket if sidecar else str(folder / "admin.sock"))
        self.folder = folder
        self.program = program or own_copy(folder)
        self._bootstrap = folder / "bootstrap.json"
        admin = {"address": {"pipe": {"path": self.admin_socket}}}
        text = to_json(sidecar) if sidecar else json.dumps({**(bootstrap or {}), "admin": admin})
        self._bootstrap.write_text(text)

    @contextlib.contextmanager
    def running(self, inside: Inside = list) -> Iterator[EnvoyProcess]:
        """Run it; ``inside`` may make its command one that runs it somewhere else."""
        quiet = ("--log-level", "warning", "--concurrency", "1", "--disable-hot-restart")
        # Envoy keeps its access log for ten seconds unless told to write it sooner.
        soon = ("--file-flush-interval-msec", "100")
        with (
            (self.folder / "envoy.log").open("ab") as log,
            subprocess.Popen(
                inside([self.program, "-c", self._bootstrap, *quiet, *soon]), stdout=log, stderr=log
            ) as process,
        ):
            try:
                yield self
            finally:
                process.kill()

    def wait_until_ready(self, seconds: float = 30) -> None:
        wait_until(lambda: self.ready, seconds, f"{self.folder.name} ready")

    def failures(self) -> list[str]:
        """Return what its access log says of requests that failed."""
        return [
            f"{entry['time']} {entry.get('flags')} {entry.get('failure', entry.get('refused'))}"
            for entry in self.access_log()
            if entry.get("status") != 200
        ]

    def access_log(self) -> list[dict[str, Any]]:
        """Return its lines so far; one that is being written is left out."""
        whole = self.log_text().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in whole if line.startswith("{")]

    def log_text(self) -> str:
        return (self.folder / "envoy.log").read_text()
