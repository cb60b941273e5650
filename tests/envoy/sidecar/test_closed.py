"""A sidecar without its agent, or without its identity, lets nobody through and says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import needs
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.sidecar import app, legacy_app
from support.sidecar.world import APP, FRONTEND, World
from support.sidecar_pair import free_port
from support.snapshots import snapshot

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Profile


def _text(spiffe_id: str, listen: Endpoint, at: Endpoint, front: Endpoint, more: str = "") -> str:
    return f"""
sidecar:
  spiffe_id: {spiffe_id}
{more}
  inbound:
    - {{listen: "{listen}", app: "{at}", allow: {FRONTEND}}}
  outbound:
    - {{listen: "{front}", to: "{listen}", expect: {APP}}}
"""


@pytest.mark.parametrize("profile", Profile, ids=lambda each: each.value)
@pytest.mark.parametrize("what", ["no agent", "no such identity"])
def test_without_an_identity_every_port_stays_closed_and_it_is_not_ready(
    world: World, profile: Profile, what: str, tmp_path: Path
) -> None:
    listen, at, front = free_port(), free_port(), free_port()
    more = f"  socket: {tmp_path}/nobody.sock" if what == "no agent" else ""
    spiffe_id = APP if what == "no agent" else "spiffe://prod.example/ns/nobody"
    text = _text(spiffe_id, listen, at, front, more)
    sidecar = world.read(f"{what.replace(' ', '-')}-{profile.value}", text, profile)
    folder = Path(sidecar.admin_socket).parent
    folder.mkdir()
    with (
        app.serving(at, legacy_app.talk),
        EnvoyProcess(folder, sidecar, program=needs.envoy()).running() as envoy,
    ):
        wait_until(lambda: envoy.get("/ready")[0] == 503, 60, "Envoy says that it is not ready")
        asked = "cluster.sds_agent.upstream_(cx_connect_fail|rq_total)$"
        wait_until(lambda: sum(envoy.stats(asked).values()) > 0, 60, "it has asked")
        for port in (listen, front):
            with pytest.raises(ConnectionRefusedError):
                app.connect(port)
        assert envoy.get("/ready")[0] == 503


def test_an_identity_that_comes_late_opens_the_ports(world: World) -> None:
    listen, at, front = free_port(), free_port(), free_port()
    world.sds.publish(snapshot(world.prod))
    sidecar = world.read("late", _text(APP, listen, at, front))
    folder = Path(sidecar.admin_socket).parent
    folder.mkdir()
    try:
        with EnvoyProcess(folder, sidecar, program=needs.envoy()).running() as envoy:
            wait_until(lambda: envoy.get("/ready")[0] == 503, 60, "Envoy is up")
            with pytest.raises(ConnectionRefusedError):
                app.connect(listen)
            world.sds.publish(world.state())
            envoy.wait_until_ready()
            app.connect(listen).close()
    finally:
        world.sds.publish(world.state())
