"""Two trust domains, each with an agent of its own that has the other's bundle from a file."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import needs
from support.agent_process import AgentProcess
from support.envoy_process import EnvoyProcess
from support.sidecar import app, caller, legacy_app
from support.sidecar_pair import free_port

from accredit.envoy import sidecar_file
from accredit.envoy.file.context import Surroundings
from accredit.envoy.sidecar import Profile, Protocol

_CONFIG = """
trust_domain: {own}
authority: {{embedded: {{federated_bundles: {{{other}: {home}/{other}.json}}}}}}
attestation: {{unix: {{discover_path: true}}}}
entries:
  - {{id: {path}, selectors: ["unix:path:{home}/envoy"], federates_with: [{other}]}}
"""


class Side:
    """One trust domain: an agent, and a sidecar once there is a file for it."""

    def __init__(self, folder: Path, own: str, other: str, path: str) -> None:
        self.own, self._other = own, other
        self._home = folder / own.split(".", maxsplit=1)[0]
        self._home.mkdir()
        text = _CONFIG.format(own=own, other=other, path=path, home=self._home)
        self.agent = AgentProcess(self._home, text)

    def learn(self, of: Side) -> None:
        """Get the other's bundle, as its operator would hand it over."""
        bundle = of.agent.command("bundle", "show", "-c", of.agent.config, "--format", "spiffe")
        (self._home / f"{self._other}.json").write_text(bundle)
        self.agent.send(signal.SIGHUP)

    @contextlib.contextmanager
    def sidecar(self, text: str, profile: Profile) -> Iterator[EnvoyProcess]:
        admin = f"  admin: {self._home}/admin.sock\n"
        at = Surroundings(profile, str(self.agent.socket), "", datetime.now(UTC).date())
        sidecar = sidecar_file.parse(text + admin, Path(f"{self._home.name}.yaml"), at)
        with EnvoyProcess(self._home, sidecar).running() as envoy:
            envoy.wait_until_ready(40)
            yield envoy


@pytest.fixture
def sides(folder: Path) -> Iterator[tuple[Side, Side]]:
    needs.envoy()
    shop = Side(folder, "shop.example", "stock.example", "/web")
    stock = Side(folder, "stock.example", "shop.example", "/api")
    with shop.agent.running(), stock.agent.running():
        shop.learn(stock)
        stock.learn(shop)
        yield shop, stock


@pytest.mark.parametrize("profile", Profile, ids=lambda each: each.value)
def test_a_caller_of_another_trust_domain_gets_through_and_is_known(
    sides: tuple[Side, Side], profile: Profile
) -> None:
    shop, stock = sides
    at, mtls, front = (free_port() for _ in range(3))
    stock_text = f"""
sidecar:
  spiffe_id: spiffe://stock.example/api
  inbound:
    - {{listen: "{mtls}", app: "{at}", allow: ["spiffe://shop.example/*", /own]}}
"""
    shop_text = f"""
sidecar:
  spiffe_id: spiffe://shop.example/web
  outbound:
    - {{listen: "{front}", to: "{mtls}", expect: "spiffe://stock.example/api"}}
"""
    with (
        app.serving(at, legacy_app.talk),
        stock.sidecar(stock_text, profile),
        shop.sidecar(shop_text, profile),
        app.connect(front) as sock,
    ):
        answer = caller.get(sock)
        assert answer.status == 200
        fields = dict(json.loads(answer.body)["fields"])
        assert fields["x-forwarded-client-cert"].startswith("By=spiffe://stock.example/api;")
        assert fields["x-forwarded-client-cert"].endswith(";URI=spiffe://shop.example/web")
        assert not caller.is_served(Protocol.HTTP, mtls, None)
