"""Two Envoys, one with an identity from accredit and one from SPIRE, and what passes between."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import needs, spire_upstream
from support.ca import TestCa
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.sidecar import app, legacy_app
from support.sidecar_pair import free_port
from support.spire import SpireAgent
from support.spire_partner import SHOP, STOCK, federating

from accredit.envoy import sidecar_file
from accredit.envoy.file.context import Surroundings
from accredit.envoy.sidecar import Profile

pytestmark = [pytest.mark.slow]


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("e")


@contextlib.contextmanager
def _sidecar(folder: Path, text: str, profile: Profile, socket: Path) -> Iterator[EnvoyProcess]:
    at = Surroundings(profile, str(socket), "", datetime.now(UTC).date())
    whole = f"sidecar:\n  admin: {folder}/admin.sock\n{text}"
    sidecar = sidecar_file.parse(whole, folder / "sidecar.yaml", at)
    with EnvoyProcess(folder, sidecar).running() as envoy:
        envoy.wait_until_ready(60)
        yield envoy


def _status(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        return connection.getresponse().status


def _text(own: str, peer: str, ports: dict[str, object]) -> str:
    return (
        f"  spiffe_id: {own}\n"
        f'  inbound: {{listen: "{ports["mtls"]}", app: "{ports["app"]}", allow: "{peer}"}}\n'
        f'  outbound: {{listen: "{ports["out"]}", to: "{ports["peer"]}", expect: "{peer}"}}\n'
    )


@pytest.mark.parametrize("with_intermediates", [False, True])
def test_requests_pass_both_ways_and_a_stranger_of_spires_is_refused(
    folder: Path, with_intermediates: bool
) -> None:
    needs.spire()
    needs.envoy()
    served, shops, stocks, shops_out, stocks_out = (free_port() for _ in range(5))
    (here := folder / "web").mkdir()
    (there := folder / "api").mkdir()
    web, api = f"{SHOP}/web", f"{STOCK}/api"
    entry = f'{{id: /web, selectors: ["unix:path:{here}/envoy"], federates_with: [stock.example]}}'
    ours = _text(web, api, {"mtls": shops, "app": served, "out": shops_out, "peer": stocks})
    theirs = _text(api, web, {"mtls": stocks, "app": served, "out": stocks_out, "peer": shops})
    upstream = ""
    if with_intermediates:
        signer = TestCa("stock.example", now=datetime.now(UTC)).intermediate()
        upstream = spire_upstream.plugin(folder, signer)
    with (
        federating(folder, upstream=upstream, entries=entry) as (shop, stock),
        SpireAgent(folder / "agent", stock).running() as agent,
        app.serving(served, legacy_app.talk),
    ):
        agent.create("/api", "-federatesWith", SHOP, selector=f"unix:path:{there}/envoy")
        with (
            _sidecar(there, theirs, Profile.SPIRE, agent.socket),
            _sidecar(here, ours, Profile.ACCREDIT, shop.socket) as envoy,
        ):
            for port in (shops_out.port, stocks_out.port):
                wait_until(lambda p=port: _status(p) == 200, 60, envoy.log_text)  # type: ignore[misc]
            allowed = agent.create("/api")
            assert _status_for_us(agent, folder, shops.port) == 200
            agent.delete(allowed)
            agent.create("/stranger")
            assert _refusals(envoy) == 0
            with pytest.raises((ssl.SSLError, ConnectionError)):
                _status_for_us(agent, folder, shops.port)
            wait_until(lambda: _refusals(envoy) == 1, 60, envoy.log_text)


def _refusals(envoy: EnvoyProcess) -> int:
    return sum(envoy.stats("ssl.fail_verify_(san|error)$").values())


def _status_for_us(agent: SpireAgent, folder: Path, port: int) -> int:
    """Call with the SVID that this process has from SPIRE."""
    subprocess.run(
        [
            needs.spire() / "spire-agent",
            *("api", "fetch", "x509", "-write", folder, "-socketPath", agent.socket),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(folder / "svid.0.pem", folder / "svid.0.key")
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        return connection.getresponse().status
