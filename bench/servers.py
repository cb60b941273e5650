"""The two sides of every comparison: the agent as users run it, and the floor."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bench.processes import Server, client, serving

_CONFIG = """\
trust_domain: bench.example
data_dir: {folder}/data
socket: {folder}/public/api.sock
admin_socket: {folder}/private/admin.sock
logging: {{level: warning}}
limits: {{connections: 20000, connections_per_uid: 20000}}
entries:
  - id: /bench
    selectors: ["unix:uid:{uid}"]
    ttl: {ttl}s
"""


@dataclass
class Agent:
    """``accredit run`` with one entry for this user."""

    folder: Path
    name: str = "accredit"
    _ttls: Iterator[int] = field(default_factory=lambda: count(3600))

    @property
    def socket(self) -> Path:
        """Where it serves."""
        return self.folder / "public/api.sock"

    @contextmanager
    def serving(self) -> Iterator[Server]:
        """Run it on the data folder it made the first time."""
        self._configure()
        command = ["accredit", "run", "-c", str(self._config)]
        with serving(command, self.socket, self.folder / "log") as server:
            yield server

    def push(self, server: Server) -> None:  # noqa: ARG002  it watches its configuration
        """Change the entry's lifetime, for which a new SVID is signed."""
        self._configure()

    @property
    def _config(self) -> Path:
        return self.folder / "accredit.yaml"

    def _configure(self) -> None:
        text = _CONFIG.format(folder=self.folder, uid=os.getuid(), ttl=next(self._ttls))
        new = self._config.with_suffix(".new")
        new.write_text(text)
        new.replace(self._config)


@dataclass
class Floor:
    """The bare server, with the bytes an agent sent."""

    folder: Path
    name: str = "floor"

    def record(self, agent: Agent) -> None:
        """Take the agent's messages for its own."""
        with agent.serving() as server, client(server.socket) as load:
            load.do("first")
            for method, message in load.do("messages").items():
                (self.folder / method).write_bytes(bytes.fromhex(message))

    @property
    def socket(self) -> Path:
        """Where it serves."""
        return self.folder / "floor.sock"

    @contextmanager
    def serving(self) -> Iterator[Server]:
        """Run it."""
        paths = (self.socket, self.folder / "x509", self.folder / "sds")
        command = ["bench.floor", *map(str, paths)]
        with serving(command, self.socket, self.folder / "log") as server:
            yield server

    def push(self, server: Server) -> None:
        """Tell it by a signal."""
        server.signal(signal.SIGUSR1)
