"""An Envoy that was started before anyone knew it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import needs, sidecar_pair
from support.agent_process import AgentProcess
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until

from accredit.envoy.peers import Peer, Rule
from accredit.envoy.sidecar import Inbound, Sidecar

_CONFIG = """
trust_domain: td.example
attestation: {unix: {discover_path: true}}
entries_dir: entries
"""


@pytest.mark.parametrize("api_type", ["GRPC", "DELTA_GRPC"])
def test_an_envoy_started_before_its_entry_is_ready_soon_after_it(
    folder: Path, api_type: str
) -> None:
    needs.envoy()
    (folder / "entries").mkdir()
    agent = AgentProcess(folder, _CONFIG)
    (folder / "server").mkdir()
    sidecar = Sidecar(
        name="server",
        socket=str(agent.socket),
        admin_socket=str(folder / "server/admin.sock"),
        spiffe_id=sidecar_pair.SERVER,
        inbound=(
            Inbound(
                listen=sidecar_pair.free_port(),
                app=sidecar_pair.free_port(),
                allow=(Rule((Peer.exactly(sidecar_pair.CALLER),)),),
            ),
        ),
        delta=api_type == "DELTA_GRPC",
    )
    with agent.running(), EnvoyProcess(folder / "server", sidecar).running() as envoy:
        wait_until(lambda: envoy.stats("sds_agent.upstream_rq_total") != {}, 60, "Envoy is up")
        wait_until(lambda: sum(_streams(envoy)) >= 2, 60, "both secrets are asked for")
        asked = _streams(envoy)
        assert not envoy.ready

        written = folder / "entries/server.yaml"
        written.write_text(sidecar_pair.entries(folder, "1h"))
        wait_until(lambda: envoy.ready, 60, "ready after the entry was written")

        # One connection and the same streams as before: nothing was opened again, as it would be
        # after the half a minute that Envoy's back-off takes where names are refused instead.
        assert _streams(envoy) == asked
        assert envoy.stats("cluster.sds_agent.upstream_cx_total") == {
            "cluster.sds_agent.upstream_cx_total": 1
        }
        assert envoy.serial()


def _streams(envoy: EnvoyProcess) -> list[int]:
    return list(envoy.stats("cluster.sds_agent.upstream_rq_total$").values())
