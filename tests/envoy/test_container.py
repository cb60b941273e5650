"""An Envoy in a container, known by the labels of its container."""

from __future__ import annotations

import json
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from support import containers, sidecar_pair
from support.agent_process import AgentProcess
from support.sidecar_pair import CALLER, SERVER

pytestmark = [pytest.mark.root]


def test_an_envoy_in_a_container_serves_mutual_tls_with_the_identity_of_its_container(
    folder: Path,
) -> None:
    with containers.podman() as podman, podman.served():
        config = (
            "trust_domain: td.example\n"
            f"attestation: {{unix: {{discover_path: true}}, podman: {{socket: {podman.socket}}}}}\n"
            "entries:\n"
            f'  - {{id: {CALLER.path}, selectors: ["unix:path:{folder}/caller/envoy"]}}\n'
            f'  - {{id: {SERVER.path}, selectors: ["docker:label:app:server"]}}\n'
        )

        def in_a_container(command: list[str | Path]) -> list[str | Path]:
            return [
                *podman.command(
                    *command,
                    labels={"app": "server"},
                    mounts=[agent.socket.parent],
                    writable=[folder / "server"],
                    network="host",
                )
            ]

        with (
            AgentProcess(folder, config).running() as agent,
            sidecar_pair.running(
                folder,
                agent.socket,
                lifetime=timedelta(hours=1),
                server_inside=in_a_container,
            ) as pair,
            urllib.request.urlopen(f"http://127.0.0.1:{pair.port}/", timeout=20) as answer,
        ):
            said = json.load(answer)
    # The caller's Envoy took nobody else for the server, and the server's was told who called.
    assert said == {"paid": True, "caller": str(CALLER)}
