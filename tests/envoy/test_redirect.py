"""An app whose own connections are steered into a real Envoy, and what comes out at the other end.

Near are the app and its sidecar, far another sidecar before its app, and beside it the same app for
whoever comes without one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import needs, net_namespace, other_user, redirecting
from support.agent_process import AgentProcess
from support.envoy_process import EnvoyProcess
from support.net_namespace import NetNamespace

from accredit.agent import sidecars

_APP, _OTHER = other_user.UID, other_user.UID + 1
_CALLER = "spiffe://td.example/caller"
_IPV4, _IPV6 = "10.77.0.2", "fd77::2"
_AGENT = """
trust_domain: td.example
attestation: {{unix: {{discover_path: true}}}}
entries:
  - {{id: /caller, selectors: ["unix:path:{folder}/caller/envoy"]}}
  - {{id: /server, selectors: ["unix:path:{folder}/server/envoy"]}}
"""
_NEAR = """
sidecar:
  trust_domain: td.example
  socket: {socket}
  admin: {folder}/caller/admin.sock
  redirect:
    users: ["{app}"]
    otherwise: {otherwise}
  outbound:
    - {{intercept: ["10.77.0.2:80", "[fd77::2]:80"], port: 8443, expect: [/server]}}
    - {{intercept: ["10.77.0.0/24:80"], to: "10.77.0.2:8443", expect: [/somebody-else]}}
    - {{intercept: ["10.77.0.9:80"], to: "10.77.0.2:8443", expect: [/server]}}
    - intercept: ["10.77.0.0/24:7000", "[fd77::/64]:7000"]
      port: 7443
      protocol: tcp
      expect: [/server]
    - {{intercept: ["*:7443"], protocol: tcp, expect: [/server]}}
"""
_FAR = """
sidecar:
  trust_domain: td.example
  socket: {socket}
  admin: {folder}/server/admin.sock
  inbound:
    - {{listen: "10.77.0.2:8443", app: "127.0.0.1:8080", allow: [/caller]}}
    - {{listen: "[fd77::2]:8443", app: "127.0.0.1:8080", allow: [/caller]}}
    - {{listen: "10.77.0.2:7443", app: "127.0.0.1:7000", allow: [/caller], protocol: tcp}}
    - {{listen: "[fd77::2]:7443", app: "127.0.0.1:7000", allow: [/caller], protocol: tcp}}
"""
_READ = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 30) as server:
    print(server.makefile().read())
"""


@dataclass
class World:
    near: NetNamespace
    far: NetNamespace
    sidecar: EnvoyProcess
    file: Path

    def get(self, host: str, *options: str, uid: int = _APP) -> dict[str, Any]:
        """Return what an app of that user is told at port 80, which knows of no sidecar."""
        return dict(json.loads(self.curl(host, *options, uid=uid)))

    def curl(self, host: str, *options: str, uid: int = _APP) -> str:
        url = f"http://[{host}]/" if ":" in host else f"http://{host}/"
        curl = needs.program("curl", apt="curl")
        quiet = ("--silent", "--show-error", "--max-time", "30")
        return self.near.run(curl, *quiet, *options, url, uid=uid).stdout

    def read(self, host: str, port: int, uid: int = _APP) -> str:
        """Return all that is sent to a client that says nothing."""
        client = self.near.run("/usr/bin/python3", "-c", _READ, host, str(port), uid=uid)
        return client.stdout.strip()

    def stat(self, name: str) -> int:
        return self.sidecar.stats(f"^{name}$")[name]


def _write(folder: Path, name: str, text: str, agent: AgentProcess, otherwise: str) -> Path:
    file = folder / f"{name}.yaml"
    values = {"socket": agent.socket, "folder": folder, "app": _APP, "otherwise": otherwise}
    file.write_text(text.format(**values))
    return file


def _apply(near: NetNamespace, file: Path) -> None:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "accredit",
        "envoy",
        "redirect",
        file,
        "--apply",
    ]
    subprocess.run([*command, "--netns", near.name], check=True, capture_output=True)


@contextmanager
def _envoy(folder: Path, file: Path, at: NetNamespace, uid: int = 0) -> Iterator[EnvoyProcess]:
    place = folder / ("caller" if file.stem == "caller" else "server")
    place.mkdir()
    place.chmod(0o777)
    envoy = EnvoyProcess(place, sidecars.read(file))
    with envoy.running(lambda command: at.inside(*command, uid=uid)):
        envoy.wait_until_ready()
        yield envoy


@contextmanager
def world(folder: Path, *, otherwise: str = "pass", sidecar_uid: int = 0) -> Iterator[World]:
    folder.chmod(0o755)
    agent = AgentProcess(folder, _AGENT.format(folder=folder))
    with redirecting.machines_own_rules_kept(), ExitStack() as stack:
        near, far = stack.enter_context(net_namespace.two())
        stack.enter_context(agent.running())
        stack.enter_context(far.answering("http,127.0.0.1,8080", "tcp,127.0.0.1,7000"))
        plain = [f"{kind},{host},{port}" for host in (_IPV4, _IPV6)
                 for kind, port in (("http", 80), ("tcp", 7000), ("tcp", 81))]  # fmt: skip
        stack.enter_context(far.answering(*plain))
        caller = _write(folder, "caller", _NEAR, agent, otherwise)
        # Before the sidecar is there, so that nothing of its own can tell its user from the app's.
        _apply(near, caller)
        server = _write(folder, "server", _FAR, agent, otherwise)
        stack.enter_context(_envoy(folder, server, far))
        yield World(
            near, far, stack.enter_context(_envoy(folder, caller, near, sidecar_uid)), caller
        )


@pytest.fixture(params=[0, _APP], ids=["a user of its own", "the app's user"])
def steered(folder: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    needs.envoy()
    with world(folder, sidecar_uid=request.param) as made:
        yield made


def test_an_unchanged_app_is_known_by_its_identity_at_the_other_end(steered: World) -> None:
    for host in (_IPV4, _IPV6):
        authority = f"[{host}]" if ":" in host else host
        assert steered.get(host) == {"host": authority, "caller": _CALLER}
        assert steered.get(host, uid=_OTHER) == {"host": authority, "caller": None}
        # "at" is where the app behind the other sidecar listens, or the one beside it.
        assert json.loads(steered.read(host, 7000))["at"] == "127.0.0.1"
        assert json.loads(steered.read(host, 7000, uid=_OTHER))["at"] == host
        # To where the app meant to connect, port and all, but by mutual TLS.
        assert json.loads(steered.read(host, 7443))["at"] == "127.0.0.1"
        assert json.loads(steered.read(host, 81))["at"] == host
    # What the app calls its server is left alone, and an address that there is not leads on.
    named = {"host": "payments.internal", "caller": _CALLER}
    assert steered.get("10.77.0.9", "--header", "host: payments.internal") == named
    # An address in two networks belongs to the narrower one; this one is in the wider alone.
    status = ("--output", "/dev/null", "--write-out", "%{http_code}")
    assert steered.curl("10.77.0.3", *status) == "503"
    assert steered.stat("cluster.outbound_1.ssl.fail_verify_san") > 0
    # Each connection went out once: none came back into the sidecar.
    assert steered.stat("cluster.outbound_3.upstream_cx_total") == 2
    assert steered.stat("cluster.outbound_4.upstream_cx_total") == 2
    assert steered.stat("cluster.redirect.upstream_cx_total") == 0


def test_what_came_without_the_rules_is_closed_and_goes_in_no_circle(folder: Path) -> None:
    needs.envoy()
    with world(folder) as made:
        for uid in (0, _APP):
            for host in ("127.0.0.1", "::1"):
                assert made.read(host, 15001, uid=uid) == ""
        assert made.stat("listener.127.0.0.1_15001.downstream_cx_total") == 4
        assert made.stat("cluster.redirect.upstream_cx_total") == 0
        assert made.get(_IPV4)["caller"] == _CALLER


@pytest.mark.parametrize("otherwise", ["pass", "refuse"])
def test_what_rules_steer_that_the_sidecar_does_not_know_passes_or_is_closed(
    folder: Path, otherwise: str
) -> None:
    needs.envoy()
    with world(folder, otherwise=otherwise) as made:
        newer = folder / "newer.yaml"
        text = made.file.read_text().replace("sidecar:\n", "sidecar:\n  name: newer\n", 1)
        newer.write_text(text.replace('"*:7443"', '"*:7443", "*:81"'))
        _apply(made.near, newer)
        for host in (_IPV4, _IPV6):
            answer = made.read(host, 81)
            assert answer == "" if otherwise == "refuse" else json.loads(answer)["at"] == host
            assert made.get(host)["caller"] == _CALLER
