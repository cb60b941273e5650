"""Caller and server, each under ``accredit envoy run``, with an app behind the server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from accredit.envoy.address import Endpoint
from support.sidecar_pair import CALLER, SERVER, free_port
from support.sidecar_run import SidecarRun

DRAIN_TIME = 4


@dataclass
class RunPair:
    """``port`` is where the calling app sends its plain requests, ``mtls`` the server's own."""

    caller: SidecarRun
    server: SidecarRun
    mtls: Endpoint
    port: int
    _content: dict[str, str]

    def change(self, name: str, number: int) -> None:
        """Write another version of ``name``'s file, which allows or expects one peer more."""
        sidecar = {"caller": self.caller, "server": self.server}[name]
        sidecar.write(self._content[name].replace("/nobody", f"/nobody{number}"))


@contextlib.contextmanager
def running(
    folder: Path, agent_socket: Path, app: int, *further: str, lifetime: str = "30m"
) -> Iterator[RunPair]:
    """Run both, with ``further`` options; they serve when the block starts."""
    mtls, way_out = free_port(), free_port()
    common = f"  socket: {agent_socket}\n  connection_lifetime: {lifetime}\n"
    content = {
        "server": f"{common}  spiffe_id: {SERVER}\n  inbound:\n"
        f"    - {{listen: '{mtls}', app: '127.0.0.1:{app}', allow: [{CALLER.path}, /nobody]}}\n",
        "caller": f"{common}  spiffe_id: {CALLER}\n  outbound:\n"
        f"    - {{listen: '{way_out}', to: '{mtls}', expect: [{SERVER.path}, /nobody]}}\n",
    }
    options = ("--drain-time", str(DRAIN_TIME), *further)
    server = SidecarRun(folder / "server", content["server"], *options)
    caller = SidecarRun(folder / "caller", content["caller"], *options)
    with server.running(), caller.running():
        server.wait_until_serving()
        caller.wait_until_serving()
        yield RunPair(caller, server, mtls, way_out.port, content)
