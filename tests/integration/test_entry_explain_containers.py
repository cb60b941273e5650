"""A template over containers: what is explained of a container is what it gets."""

from __future__ import annotations

import json
import subprocess

import pytest
from support import containers, other_user
from support.agent_process import AgentProcess

from accredit.agent.admin_client import ask

pytestmark = [pytest.mark.root]

_CONFIG = """\
trust_domain: prod.example
attestation:
  podman: {{socket: {socket}}}
entries:
  - id: /web/{{docker:label:app}}/{{docker:name}}
  - {{id: /db, selectors: ["docker:label:app:db"]}}
"""


def test_a_container_gets_the_id_of_its_labels_and_is_found_by_its_image() -> None:
    with containers.podman() as podman, podman.served(), other_user.folder() as folder:
        made = AgentProcess(folder, _CONFIG.format(socket=podman.socket))
        with made.running() as agent:
            name = podman.start(
                *("/usr/bin/sleep", "1000"),
                name="shop",
                labels={"app": "checkout"},
                mounts=[agent.socket.parent],
            )
            fetch = ("-m", "accredit", "api", "fetch", "x509", "--output=json")
            command = containers.python(*fetch, f"--socket=unix://{agent.socket}")
            done = subprocess.run(
                podman.prefixed("exec", name, *command), check=True, capture_output=True, text=True
            )
            (svid,) = json.loads(done.stdout)["svids"]
            found = ask(agent.admin_socket, "entry.explain", timeout=60, image=containers.IMAGE)
            (process,) = found["processes"]
            assert process["pid"] == podman.pid(name)
    assert svid["spiffe_id"] == "spiffe://prod.example/web/checkout/shop"
    assert [each["id"] for each in process["matching"]] == [svid["spiffe_id"]]
    assert {"selector": "docker:name:shop", "trust": "runtime"} in process["selectors"]
    lacks = {"wanted": "docker:label:app:db", "reason": "the caller has docker:label:app:checkout"}
    assert process["nearest"][0]["lacks"] == [lacks]
