"""Two plain HTTP apps' worth of sidecars: caller's Envoy, mutual TLS, server's Envoy, app."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from accredit.agent.demo.apps import payments
from accredit.envoy.address import Endpoint
from accredit.envoy.peers import Peer, Rule
from accredit.envoy.sidecar import Inbound, Outbound, Sidecar
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from support import ports
from support.envoy_process import EnvoyProcess, Inside
from support.eventually import wait_until
from support.real_program import listens

TRUST_DOMAIN = TrustDomain("td.example")
CALLER = SpiffeId(TRUST_DOMAIN, "/caller")
SERVER = SpiffeId(TRUST_DOMAIN, "/server")


def free_port() -> Endpoint:
    return Endpoint("127.0.0.1", ports.free_port())


def entries(folder: Path, ttl: str) -> str:
    """Return the entries section under which each Envoy of the pair gets its identity."""
    return f"""entries:
  - {{id: {CALLER.path}, selectors: ["unix:path:{folder}/caller/envoy"], ttl: {ttl}}}
  - {{id: {SERVER.path}, selectors: ["unix:path:{folder}/server/envoy"], ttl: {ttl}}}
"""


@dataclass
class Pair:
    """``port`` is where the calling app sends its plain requests."""

    caller: EnvoyProcess
    server: EnvoyProcess
    mtls: Endpoint
    port: int


@contextlib.contextmanager
def running(
    folder: Path,
    agent_socket: Path,
    *,
    lifetime: timedelta,
    delta: bool = False,
    server_inside: Inside = list,
) -> Iterator[Pair]:
    """Run the app and both Envoys; they are ready when the block starts.

    ``server_inside`` may make the server's command one that runs it somewhere else.
    """
    app, mtls, way_out = free_port(), free_port(), free_port()
    caller = Sidecar(
        name="caller",
        admin_socket=str(folder / "caller/admin.sock"),
        spiffe_id=CALLER,
        outbound=(Outbound(listen=way_out, to=(mtls,), expect=(Peer.exactly(SERVER),)),),
        connection_lifetime=lifetime,
        delta=delta,
        socket=str(agent_socket),
    )
    server = Sidecar(
        name="server",
        admin_socket=str(folder / "server/admin.sock"),
        spiffe_id=SERVER,
        inbound=(Inbound(listen=mtls, app=app, allow=(Rule((Peer.exactly(CALLER),)),)),),
        connection_lifetime=lifetime,
        delta=delta,
        socket=str(agent_socket),
    )
    for name in ("caller", "server"):
        (folder / name).mkdir()
    pair = Pair(
        EnvoyProcess(folder / "caller", caller),
        EnvoyProcess(folder / "server", server),
        mtls,
        way_out.port,
    )
    with (
        subprocess.Popen([sys.executable, payments.__file__, str(app.port)]) as process,
        pair.server.running(server_inside),
        pair.caller.running(),
    ):
        try:
            # Envoy may be ready before the app is, and its first requests fail then.
            wait_until(lambda: listens(app.port))
            pair.server.wait_until_ready()
            pair.caller.wait_until_ready()
            yield pair
        finally:
            process.kill()
