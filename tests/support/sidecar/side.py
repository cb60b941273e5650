"""One trust domain with a real agent of its own, and a sidecar that asks it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from accredit.envoy import sidecar_file
from accredit.envoy.file.context import Surroundings
from accredit.envoy.sidecar import Profile
from support.agent_process import AgentProcess
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until

_CONFIG = """
trust_domain: {own}
authority: {{embedded: {{federated_bundles: {{{other}: {home}/{other}.json}}}}}}
attestation: {{unix: {{discover_path: true}}}}
entries:
  - {{id: {path}, selectors: ["unix:path:{home}/envoy"], federates_with: [{other}]}}
"""


class Side:
    """One trust domain: an agent, and a sidecar once there is a file for it."""

    def __init__(
        self, folder: Path, own: str, other: str, path: str, config: str = _CONFIG, **more: object
    ) -> None:
        """Take what fills the gaps of ``config``, whose home is a folder named like ``own``."""
        self.own, self._other = own, other
        self._home = folder / own.split(".", maxsplit=1)[0]
        self._home.mkdir()
        text = config.format(own=own, other=other, path=path, home=self._home, **more)
        self.agent = AgentProcess(self._home, text)

    def learn(self, of: Side) -> None:
        """Get the other's bundle, as its operator would hand it over; return once it is known."""
        bundle = of.agent.command("bundle", "show", "-c", of.agent.config, "--format", "spiffe")
        (self._home / f"{self._other}.json").write_text(bundle)
        self.agent.send(signal.SIGHUP)
        wait_until(self._knows_the_other, 60, f"{self.own} knows {self._other}")

    def _knows_the_other(self) -> bool:
        told = self.agent.command(
            "bundle", "show", self._other, "-c", self.agent.config, check=False
        )
        return bool(told)

    @contextlib.contextmanager
    def sidecar(self, text: str, profile: Profile) -> Iterator[EnvoyProcess]:
        admin = f"  admin: {self._home}/admin.sock\n"
        at = Surroundings(profile, str(self.agent.socket), "", datetime.now(UTC).date())
        sidecar = sidecar_file.parse(text + admin, Path(f"{self._home.name}.yaml"), at)
        with EnvoyProcess(self._home, sidecar).running() as envoy:
            envoy.wait_until_ready(40)
            yield envoy


@contextlib.contextmanager
def two(folder: Path) -> Iterator[tuple[Side, Side]]:
    """Run the agents of shop.example and stock.example, each with the other's bundle."""
    shop = Side(folder, "shop.example", "stock.example", "/web")
    stock = Side(folder, "stock.example", "shop.example", "/api")
    with shop.agent.running(), stock.agent.running():
        shop.learn(stock)
        stock.learn(shop)
        yield shop, stock
