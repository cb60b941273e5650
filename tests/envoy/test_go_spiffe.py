"""go-spiffe at one end of mutual TLS, a sidecar with its legacy app at the other."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import needs
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.real_program import Program
from support.sidecar import app, legacy_app
from support.sidecar_pair import free_port
from support.sidecar_run import SidecarRun

from accredit.envoy.address import Endpoint

APP, WEB, STRANGER = (f"spiffe://td.example/{name}" for name in ("app", "web", "stranger"))
_CONFIG = """
trust_domain: td.example
attestation: {{unix: {{discover_path: true}}}}
entries:
  - {{id: /app, selectors: ["unix:path:{0}/app/envoy"]}}
  - {{id: /web, selectors: ["unix:path:{0}/web/program"]}}
  - {{id: /stranger, selectors: ["unix:path:{0}/stranger/program"]}}
"""


@dataclass
class Ends:
    """``mtls`` is where the sidecar serves; ``out`` is for its app's requests to ``peer``."""

    folder: Path
    socket: Path
    mtls: Endpoint
    out: Endpoint
    peer: Endpoint
    sidecar: SidecarRun

    @property
    def environment(self) -> dict[str, str]:
        return {"SPIFFE_ENDPOINT_SOCKET": f"unix://{self.socket}"}

    def call(self, who: str, expected: str) -> dict[str, Any]:
        """Have go-spiffe call the sidecar, with the identity that ``who`` has."""
        program = self.folder / who / "program"
        command: list[str | Path] = [program, "call", f"https://{self.mtls}/", expected]
        done = subprocess.run(
            command, check=True, capture_output=True, timeout=60, env=self.environment
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @contextlib.contextmanager
    def serving(self, who: str, allowed: str) -> Iterator[Program]:
        """Have go-spiffe serve at ``peer`` meanwhile."""
        folder = self.folder / who
        command = (folder / "program", "serve", str(self.peer), allowed)
        program = Program(folder, command, self.peer.port, environment=self.environment)
        with program.running():
            yield program

    def get(self) -> tuple[int, str]:
        """Call as the legacy app does."""
        connection = http.client.HTTPConnection(self.out.host, self.out.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def is_refused(self) -> bool:
        """Call as the legacy app does, which has to fail."""
        status, body = self.get()
        assert status == 503, body
        return True

    def wrong_ids(self, at: str) -> int:
        """Return how often the sidecar has refused an ID that its authority vouches for."""
        (count,) = self.sidecar.stats(f"^{at}[.].*ssl.fail_verify_san$").values()
        return count


@pytest.fixture
def ends(folder: Path) -> Iterator[Ends]:
    program = needs.go_spiffe()
    needs.envoy()
    for who in ("web", "stranger"):
        (folder / who).mkdir()
        shutil.copy(program, folder / who / "program")
    at, mtls, out, peer = (free_port() for _ in range(4))
    agent = AgentProcess(folder, _CONFIG.format(folder))
    text = (
        f"  socket: {agent.socket}\n  spiffe_id: /app\n"
        f"  inbound: {{listen: '{mtls}', app: '{at}', allow: /web}}\n"
        f"  outbound: {{listen: '{out}', to: '{peer}', expect: /web}}\n"
    )
    sidecar = SidecarRun(folder / "app", text)
    with agent.running(), app.serving(at, legacy_app.talk), sidecar.running():
        sidecar.wait_until_serving()
        yield Ends(folder, agent.socket, mtls, out, peer, sidecar)


def test_it_calls_the_app_and_either_end_refuses_the_wrong_id(ends: Ends) -> None:
    served = ends.call("web", APP)
    assert served["status"] == 200, served
    assert json.loads(served["body"])["line"] == "GET / HTTP/1.1"
    assert f'unexpected ID "{APP}"' in ends.call("web", STRANGER)["error"]
    assert ends.wrong_ids("listener") == 0
    assert "error" in ends.call("stranger", APP)
    wait_until(lambda: ends.wrong_ids("listener") == 1, 60, ends.sidecar.log_text)


def test_the_app_calls_it_and_either_end_refuses_the_wrong_id(ends: Ends) -> None:
    with ends.serving("web", STRANGER) as server:
        log, refusal = server.log, f'unexpected ID "{APP}"'
        wait_until(lambda: ends.is_refused() and refusal in log.read_text(), 60)
    assert ends.wrong_ids("cluster") == 0
    with ends.serving("stranger", APP):
        wait_until(lambda: ends.is_refused() and ends.wrong_ids("cluster") > 0, 60)
    with ends.serving("web", APP):
        wait_until(lambda: ends.get() == (200, f"hello {APP}"), 60, ends.sidecar.log_text)
