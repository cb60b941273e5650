"""Partners at a real SPIRE: which bundles its SDS gives, and whom sidecars believe by them."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import needs, spire
from support.ca import TestCa
from support.eventually import wait_until
from support.sidecar import app, caller, legacy_app
from support.sidecar.app import Talk
from support.sidecar_pair import CALLER, free_port
from support.sidecar_run import SidecarRun
from support.spire import SpireAgent
from support.spire_callers import made

from accredit.envoy.sidecar import Protocol
from accredit.identity.spiffe_id import SpiffeId

_NOW = datetime.now(UTC)
PARTNER, THIRD = TestCa("partner.example", now=_NOW), TestCa("third.example", now=_NOW)
_WEB = "spiffe://partner.example/web"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpireAgent]:
    needs.envoy()
    with spire.running(tmp_path_factory.mktemp("s"), "td.example") as running:
        for authority in (PARTNER, THIRD):
            running.server.set_bundle(authority.bundle())
        yield running


def _sidecar(agent: SpireAgent, folder: Path, text: str) -> SidecarRun:
    content = f"  socket: {agent.socket}\n  spiffe_id: /server\n{text}"
    return SidecarRun(folder / "server", content, "--profile", "spire")


def _entry(agent: SpireAgent, of: SidecarRun, *partners: TestCa) -> str:
    """Return the id of a new entry for this sidecar, which federates with these."""
    names = [f"spiffe://{each.trust_domain}" for each in partners]
    options = [word for name in names for word in ("-federatesWith", name)]
    return agent.create("/server", *options, selector=f"unix:path:{of.folder}/envoy")


def test_of_all_bundles_each_speaks_for_its_own_callers(agent: SpireAgent, folder: Path) -> None:
    at, mtls = free_port(), free_port()
    text = f"  inbound: {{listen: '{mtls}', app: '{at}', allow: [{CALLER}, {_WEB}]}}\n"
    callers: dict[str, tuple[TestCa, SpiffeId | str]] = {
        "partner": (PARTNER, _WEB),
        "another ID of the partner's": (PARTNER, "spiffe://partner.example/other"),
        "our ID by the partner": (PARTNER, CALLER),
        "a third one's own": (THIRD, "spiffe://third.example/web"),
        "the partner's ID by a third one": (THIRD, _WEB),
    }
    sidecar = _sidecar(agent, folder, text)
    _entry(agent, sidecar, PARTNER, THIRD)
    with app.serving(at, legacy_app.talk), sidecar.running():
        sidecar.wait_until_serving()
        found = {
            who: caller.is_served(Protocol.HTTP, mtls, made(authority, folder, spiffe_id))
            for who, (authority, spiffe_id) in callers.items()
        }
    assert found == {who: who == "partner" for who in callers}


def test_a_partner_that_the_entry_does_not_name_is_refused(agent: SpireAgent, folder: Path) -> None:
    at, mtls = free_port(), free_port()
    text = f"  inbound: {{listen: '{mtls}', app: '{at}', allow: [{CALLER}, {_WEB}]}}\n"
    sidecar = _sidecar(agent, folder, text)
    _entry(agent, sidecar)
    with app.serving(at, legacy_app.talk), sidecar.running():
        sidecar.wait_until_serving()
        assert not caller.is_served(Protocol.HTTP, mtls, made(PARTNER, folder, _WEB))


def test_the_bundle_of_one_partner_is_waited_for_until_the_entry_names_it(
    agent: SpireAgent, folder: Path
) -> None:
    """An outbound that expects a partner asks for that one's bundle alone."""
    tls, front = free_port(), free_port()
    text = f"  outbound: {{listen: '{front}', to: '{tls}', expect: {_WEB}}}\n"
    sidecar = _sidecar(agent, folder, text)
    entry = _entry(agent, sidecar)
    partners = _over_tls(made(PARTNER, folder, _WEB))
    with app.serving(tls, partners), sidecar.running():
        told = "secret spiffe://partner.example from the agent at "
        wait_until(lambda: told in sidecar.log_text(), 60, "it says what is missing")
        assert sidecar.times_ready() == 0
        agent.delete(entry)
        _entry(agent, sidecar, PARTNER)
        sidecar.wait_until_serving()
        assert caller.is_served_plain(Protocol.HTTP, front)


def _over_tls(certificate: Path) -> Talk:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as tls:
            legacy_app.talk(tls)

    return talk
