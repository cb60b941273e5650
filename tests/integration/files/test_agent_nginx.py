"""A real agent keeps a real nginx in certificates, while clients go on connecting."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.handshakes import Handshakes, furthest_back
from support.nginx import Nginx

_GET = b"GET / HTTP/1.0\r\n\r\n"
_ROTATIONS = 10
_PATIENCE = 120


def config(nginx: Nginx) -> str:
    """The profile, for an nginx that is not the system's."""
    return f"""\
trust_domain: prod.example
entries:
  - id: /web
    selectors: ["output:nginx"]
    ttl: 8s
  - id: /client
    selectors: ["output:client"]
outputs:
  - profile: nginx
    folder: {nginx.files}
    validate: [nginx, -t, -q, -c, "{nginx.config}"]
    reload: {{signal: HUP, pid_file: "{nginx.pid_file}", program: nginx}}
    verify: "127.0.0.1:{nginx.port}"
  - profile: pem
    name: client
    folder: {nginx.folder}/client
"""


def line(agent: AgentProcess) -> dict[str, Any]:
    found = json.loads(agent.command("status", "-c", agent.config, "--output=json"))
    return dict(found["outputs"][0])


def until(holds: Callable[[], bool], agent: AgentProcess) -> None:
    wait_until(holds, _PATIENCE, lambda: (line(agent), agent.log.read_text()[-4000:]))


class Written:
    """The serials that the folder showed, in order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.serials: list[str] = []

    def look(self) -> None:
        chain = x509.load_pem_x509_certificates((self._folder / "tls.crt").read_bytes())
        serial = f"{chain[0].serial_number:x}"
        if self.serials[-1:] != [serial]:
            self.serials.append(serial)


@pytest.mark.slow
def test_ten_rotations_under_load_fail_nobody(tmp_path: Path) -> None:
    # The first set is there before nginx is, as on a machine that starts.
    mutual = f"ssl_client_certificate {tmp_path}/files/ca.crt; ssl_verify_client on;"
    nginx = Nginx(tmp_path, tmp_path / "files", extra=mutual)
    agent = AgentProcess(tmp_path, config(nginx))
    client, written = tmp_path / "client/current", Written(nginx.files)
    with agent.running():
        until((nginx.files / "tls.crt").exists, agent)
        with nginx.running():
            until(lambda: line(agent)["state"] == "served", agent)
            until((client / "tls.crt").exists, agent)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(client / "ca.crt")
            context.load_cert_chain(client / "tls.crt", client / "tls.key")
            load = Handshakes(nginx.port, context, say=_GET)
            with load.running():

                def rotated() -> bool:
                    written.look()
                    return len(written.serials) > _ROTATIONS

                until(rotated, agent)
                last = written.serials[-1]
                until(lambda: last in load.serials, agent)
        assert agent.stop() == 0
    assert load.failures == [], load.failures[:3]
    assert load.done > _ROTATIONS
    assert len(load.serials) > _ROTATIONS
    seen = [serial for serial in load.serials if serial in written.serials]
    assert furthest_back(seen, written.serials) <= 1
