"""Two trust domains that federate: accredit has shop.example, a real SPIRE has stock.example."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.ports import free_port
from support.spire import SpireServer

SHOP, STOCK = "spiffe://shop.example", "spiffe://stock.example"
SHOPS_ENDPOINT, STOCKS_ENDPOINT = f"{SHOP}/accredit/bundle-endpoint", f"{STOCK}/spire/server"
WEB = f'{{id: /web, selectors: ["unix:uid:{os.geteuid()}"], federates_with: [stock.example]}}'


class Shop(AgentProcess):
    """accredit's side. ``fetching`` and ``serving`` are further keys of either half of it."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        stocks_port: int,
        fetching: str = f"profile: https_spiffe, endpoint_spiffe_id: {STOCKS_ENDPOINT}",
        serving: str = "profile: https_spiffe",
        entries: str = WEB,
    ) -> None:
        folder.mkdir(exist_ok=True)
        relationship = (
            f"trust_domain: stock.example, url: 'https://localhost:{stocks_port}/', {fetching}"
        )
        super().__init__(
            folder,
            f"""\
trust_domain: shop.example
ttl: 16s
authority:
  embedded: {{publish_for: 8s, refresh_hint: 2s, clock_skew: 1s, max_x509_ttl: 16s}}
attestation: {{unix: {{discover_path: true}}}}
entries:
  - {entries}
federation:
  refresh_min: 1s
  endpoint: {{listen: "127.0.0.1:{port}", {serving}}}
  relationships:
    - {{{relationship}}}
""",
        )

    def operator(self, *arguments: str | Path) -> str:
        return self.command(*arguments, "-c", self.config)

    def own(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.operator("bundle", "show"))
        return found

    def relationship(self) -> dict[str, Any]:
        """Return the one there is, as its operator sees it."""
        (view,) = json.loads(self.operator("bundle", "list", "--output", "json"))
        found: dict[str, Any] = view
        return found

    def knows(self) -> dict[str, Any]:
        """Return the partner's bundle document as it is held."""
        found: dict[str, Any] = json.loads(self.operator("bundle", "show", "stock.example"))
        return found

    def has_fetched(self) -> bool:
        bundle = self.relationship()["bundle"]
        return bool(bundle and bundle["origin"] == "endpoint")

    def end_relationship(self) -> None:
        """Take the partner out of the configuration; entries name it as before."""
        self.config.write_text(self.config.read_text().partition("  relationships:")[0])
        self.send(signal.SIGHUP)


class Stock(SpireServer):
    """SPIRE's side. ``serving`` is the profile of its bundle endpoint."""

    def __init__(
        self, folder: Path, *, port: int, serving: str = 'profile "https_spiffe" {}'
    ) -> None:
        settings = f"""
    federation {{
        bundle_endpoint {{
            address = "127.0.0.1"
            port = {port}
            refresh_hint = "2s"
            {serving}
        }}
    }}
"""
        super().__init__(folder, "stock.example", settings)

    def follow(self, port: int, *profile: str, bundle: str = "") -> None:
        """Begin a relationship, ``bundle`` what it is to trust at first."""
        url = f"https://localhost:{port}/"
        first = self.folder / "shop.json"
        first.write_text(bundle)
        known = ("-trustDomainBundleFormat", "spiffe", "-trustDomainBundlePath", first)
        self.cli(
            *("federation", "create", "-trustDomain", "shop.example", "-bundleEndpointURL", url),
            *("-bundleEndpointProfile", *profile),
            *(known if bundle else ()),
        )

    def refresh(self) -> None:
        """Fetch now; by itself it does so four times within the hint, each 15 s at most."""
        self.cli("federation", "refresh", "-id", SHOP)

    def own(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.cli("bundle", "show", "-format", "spiffe"))
        return found

    def knows(self) -> dict[str, Any]:
        """Return the partner's bundle document as it is held."""
        document = self.cli("bundle", "list", "-id", SHOP, "-format", "spiffe")
        found: dict[str, Any] = json.loads(document)
        return found

    def authority(self, *arguments: str) -> str:
        """Run a command of ``spire-server localauthority``; return whom it is about."""
        answer = json.loads(self.cli("localauthority", *arguments, "-output", "json"))
        (found,) = (value["authority_id"] for value in answer.values() if value)
        return str(found)

    def add_plugin(self, text: str) -> None:
        """Give it one more plug-in; it has to be started after that."""
        config = self.folder / "server.conf"
        config.write_text(config.read_text().replace("plugins {", f"plugins {{\n{text}", 1))


def authorities(document: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Return the roots, in base64, and the IDs of the JWT keys that a bundle document holds."""
    roots = {each["x5c"][0] for each in document["keys"] if each["use"] == "x509-svid"}
    return roots, {each["kid"] for each in document["keys"] if each["use"] == "jwt-svid"}


@contextlib.contextmanager
def federating(
    folder: Path, *, upstream: str = "", entries: str = WEB
) -> Iterator[tuple[Shop, Stock]]:
    """Run both, each serving and following by ``https_spiffe``; each has fetched the other's.

    ``upstream`` is a plug-in of SPIRE's, above its own roots.
    """
    port, stocks_port = free_port(), free_port()
    shop = Shop(folder / "shop", port=port, stocks_port=stocks_port, entries=entries)
    stock = Stock(folder / "stock", port=stocks_port)
    stock.add_plugin(upstream)
    with shop.running(), stock.running():
        introduce(shop, stock, port)
        wait_until(shop.has_fetched, 60, shop.relationship)
        yield shop, stock


def introduce(shop: Shop, stock: Stock, port: int) -> None:
    """Hand each operator the other's bundle, once."""
    ours = shop.operator("bundle", "show")
    stock.follow(port, "https_spiffe", "-endpointSpiffeID", SHOPS_ENDPOINT, bundle=ours)
    theirs = stock.folder / "stock.json"
    theirs.write_text(json.dumps(stock.own()))
    shop.operator("bundle", "set", "stock.example", theirs)
