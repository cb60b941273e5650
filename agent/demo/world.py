"""The demo's folder, ports, configuration and sidecars."""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from accredit.envoy.address import Endpoint
from accredit.envoy.bootstrap import to_json
from accredit.envoy.peers import Peer, Rule
from accredit.envoy.sidecar import Inbound, Outbound, Sidecar
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

TRUST_DOMAIN = TrustDomain("demo.example")
CHECKOUT = SpiffeId(TRUST_DOMAIN, "/checkout")
PAYMENTS = SpiffeId(TRUST_DOMAIN, "/payments")
_LOOPBACK = "127.0.0.1"

_CONFIG = """\
trust_domain: {trust_domain}
data_dir: {folder}/data
socket: {folder}/run/public/api.sock
admin_socket: {folder}/run/private/admin.sock
attestation:
  unix:
    discover_path: true        # so that two Envoys of one user are told apart
entries:
  - id: {checkout.path}
    selectors: ["unix:path:{folder}/checkout/envoy"]
    ttl: {ttl}s
  - id: {payments.path}
    selectors: ["unix:path:{folder}/payments/envoy"]
    ttl: {ttl}s
"""


def _free_port() -> Endpoint:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return Endpoint(_LOOPBACK, port)


@dataclass(frozen=True, slots=True)
class World:
    """Where everything of one demo is; ``ttl`` is the life of an SVID."""

    folder: Path
    ttl: timedelta
    app: Endpoint = field(default_factory=_free_port)
    mtls: Endpoint = field(default_factory=_free_port)
    way_out: Endpoint = field(default_factory=_free_port)

    @property
    def socket(self) -> Path:
        """The agent's public socket."""
        return self.folder / "run/public/api.sock"

    @property
    def config(self) -> Path:
        """The agent's configuration file."""
        return self.folder / "accredit.yaml"

    def program(self, name: str) -> Path:
        """Return one sidecar's own Envoy."""
        return self.folder / name / "envoy"

    def bootstrap(self, name: str) -> Path:
        """Return one sidecar's bootstrap file."""
        return self.folder / name / "bootstrap.json"

    def admin(self, name: str) -> Path:
        """Return one sidecar's admin socket."""
        return self.folder / name / "admin.sock"

    def build(self, envoy: Path) -> None:
        """Write configuration and bootstraps; give each sidecar an Envoy at a path of its own."""
        self.config.write_text(
            _CONFIG.format(
                folder=self.folder,
                trust_domain=TRUST_DOMAIN,
                checkout=CHECKOUT,
                payments=PAYMENTS,
                ttl=int(self.ttl.total_seconds()),
            )
        )
        self.config.chmod(0o600)
        for sidecar in (self._checkout(), self._payments()):
            self.program(sidecar.name).parent.mkdir()
            _place(envoy, self.program(sidecar.name))
            self.bootstrap(sidecar.name).write_text(to_json(sidecar))

    def _checkout(self) -> Sidecar:
        route = Outbound(listen=self.way_out, to=(self.mtls,), expect=(Peer.exactly(PAYMENTS),))
        return self._sidecar("checkout", CHECKOUT, outbound=(route,))

    def _payments(self) -> Sidecar:
        route = Inbound(listen=self.mtls, app=self.app, allow=(Rule((Peer.exactly(CHECKOUT),)),))
        return self._sidecar("payments", PAYMENTS, inbound=(route,))

    def _sidecar(
        self,
        name: str,
        identity: SpiffeId,
        inbound: tuple[Inbound, ...] = (),
        outbound: tuple[Outbound, ...] = (),
    ) -> Sidecar:
        return Sidecar(
            name=name,
            socket=str(self.socket),
            admin_socket=str(self.admin(name)),
            spiffe_id=identity,
            inbound=inbound,
            outbound=outbound,
            connection_lifetime=self.ttl / 8,
            log_fields={"server_certificate": "%UPSTREAM_PEER_CERT%"},
        )


def _place(envoy: Path, at: Path) -> None:
    # A hard link has its own path in /proc/PID/exe, which is what unix:path compares; across file
    # systems, or where links to another owner's files are forbidden, a copy does the same.
    try:
        os.link(envoy, at)
    except OSError:
        shutil.copy(envoy, at)
