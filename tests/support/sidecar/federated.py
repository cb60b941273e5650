"""Two trust domains whose agents follow each other's bundle endpoint, and load between them."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from accredit.envoy.sidecar import Profile
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.load import Load
from support.sidecar import app, legacy_app
from support.sidecar.side import Side
from support.sidecar_pair import free_port

# Half of an SVID's life is what an agent may be late on a busy machine.
_CONFIG = """
trust_domain: {own}
ttl: 16s
authority:
  embedded: {{publish_for: 8s, refresh_hint: 2s, clock_skew: 1s, max_x509_ttl: 16s}}
attestation: {{unix: {{discover_path: true}}}}
entries:
  - {{id: {path}, selectors: ["unix:path:{home}/envoy"], federates_with: [{other}]}}
federation:
  refresh_min: 1s
  endpoint: {{listen: "127.0.0.1:{port}", profile: https_spiffe}}
  relationships:
    - trust_domain: {other}
      url: https://127.0.0.1:{others_port}/
      profile: https_spiffe
      endpoint_spiffe_id: spiffe://{other}/accredit/bundle-endpoint
"""
_SIDECAR = """
sidecar:
  spiffe_id: {spiffe_id}
  svid_ttl: 16s
  connection_lifetime: 1s
"""
_CALLER, _SERVER = "spiffe://shop.example/web", "spiffe://stock.example/api"


class FederatedSide(Side):
    """One of the two; a partner's bundle comes once by hand, then from its endpoint alone."""

    def operator(self, *arguments: str | Path) -> str:
        return self.agent.command(*arguments, "-c", self.agent.config)

    def introduce(self, to: FederatedSide) -> None:
        """Hand the own bundle to the other's operator."""
        file = self.agent.folder / "own.json"
        file.write_text(self.operator("bundle", "show"))
        to.operator("bundle", "set", self.own, file)

    def follows(self) -> bool:
        """Tell whether the partner's bundle is one that was fetched."""
        (view,) = json.loads(self.operator("bundle", "list", "--output", "json"))
        return bool(view["bundle"] and view["bundle"]["origin"] == "endpoint")

    def roots(self) -> set[int]:
        """Return the serials of the own roots."""
        pem = self.operator("bundle", "show", "--format", "pem").encode()
        return {each.serial_number for each in x509.load_pem_x509_certificates(pem)}

    def end_relationship(self) -> None:
        """Take the partner out of the configuration; the entries name it as before."""
        text = self.agent.config.read_text()
        self.agent.config.write_text(text.partition("  relationships:")[0])
        self.agent.send(signal.SIGHUP)


@dataclass(frozen=True)
class Federation:
    """``shop``'s app calls ``stock``'s through the Envoys of both."""

    shop: FederatedSide
    stock: FederatedSide
    caller: EnvoyProcess
    server: EnvoyProcess
    load: Load

    def failures(self) -> str:
        """Return what went wrong, as all who took part tell it."""
        told = [*self.load.failures[:3], *self.caller.failures()[:9], *self.server.failures()[:9]]
        return "\n".join([*told, *(each.agent.log.read_text() for each in (self.shop, self.stock))])


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Federation]:
    """Run both agents, both Envoys and the app, with load between them."""
    at, mtls, front = (free_port() for _ in range(3))
    inbound = f'  inbound: {{listen: "{mtls}", app: "{at}", allow: "{_CALLER}"}}\n'
    outbound = f'  outbound: {{listen: "{front}", to: "{mtls}", expect: "{_SERVER}"}}\n'
    with (
        _sides(folder) as (shop, stock),
        app.serving(at, legacy_app.talk),
        stock.sidecar(_SIDECAR.format(spiffe_id=_SERVER) + inbound, Profile.ACCREDIT) as server,
        shop.sidecar(_SIDECAR.format(spiffe_id=_CALLER) + outbound, Profile.ACCREDIT) as caller,
        Load(front.port).running() as load,
    ):
        yield Federation(shop, stock, caller, server, load)


@contextlib.contextmanager
def _sides(folder: Path) -> Iterator[tuple[FederatedSide, FederatedSide]]:
    one, other = free_port().port, free_port().port
    shop = _side(folder, "shop.example", "stock.example", "/web", port=one, others_port=other)
    stock = _side(folder, "stock.example", "shop.example", "/api", port=other, others_port=one)
    with shop.agent.running(), stock.agent.running():
        shop.introduce(stock)
        stock.introduce(shop)
        for side in (shop, stock):
            wait_until(side.follows, 60, f"{side.own} has fetched its partner's bundle")
        yield shop, stock


def _side(folder: Path, own: str, other: str, path: str, **ports: int) -> FederatedSide:
    return FederatedSide(folder, own, other, path, _CONFIG, **ports)
