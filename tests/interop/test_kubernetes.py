"""A real agent, a real container below kubepods, and a kubelet that the official client writes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import containers, needs
from support.agent_process import AgentProcess
from support.containers import Containers
from support.fake_kubelet import NODE, ca_file, new_ca, pair_files, serving
from support.kube_cgroup import cgroup_parent
from support.pods import UID_A

pytestmark = [pytest.mark.interop, pytest.mark.root]

_PROGRAM = Path(__file__).with_name("kubelet_program.py")
_TOKEN = "of-the-agent"
_CONFIG = """\
trust_domain: prod.example
attestation:
  k8s: {{port: {port}, node_name: {node}, ca_file: {folder}/ca.crt, token_file: {folder}/token}}
entries:
  - {{id: /anybody, selectors: ["unix:uid:0"]}}
  - id: /ns/payments/sa/checkout
    selectors:
      - k8s:ns:payments
      - k8s:sa:checkout
      - k8s:node-name:node-1
      - k8s:pod-uid:{uid}
      - k8s:pod-name:checkout-5d-x1
      - k8s:pod-label:app:checkout
      - k8s:pod-owner:ReplicaSet:checkout-5d
      - k8s:pod-owner-uid:ReplicaSet:owner-1
      - k8s:pod-image:reg.example/checkout:1
      - k8s:pod-image:{digest}
      - k8s:pod-image-count:1
      - k8s:pod-init-image-count:0
      - k8s:container-name:app
      - k8s:container-image:reg.example/checkout:1
      - k8s:container-image:{digest}
  - {{id: /another, selectors: ["k8s:ns:kube-system"]}}
"""
_DIGEST = f"reg.example/checkout@sha256:{'5e' * 32}"


@contextmanager
def _kubelet(folder: Path) -> Iterator[int]:
    """Run one meanwhile, with its files and ours in ``folder``; yields its port."""
    ca = new_ca()
    ca_file(folder / "ca.crt", ca)
    (folder / "token").write_text(_TOKEN)
    # The name of the node alone, as kubelets have it: 127.0.0.1 is not in there.
    certificate, key = pair_files(folder, serving(ca, NODE))
    python = needs.interop_python("kubernetes")
    command: list[str | Path] = [python, _PROGRAM, certificate, key, _TOKEN, folder / "pod"]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            yield int(child.stdout.readline())
        finally:
            child.kill()


def _fetch(agent: AgentProcess) -> list[str | Path]:
    socket = f"unix://{agent.socket}"
    return containers.python(
        "-m", "accredit", "api", "fetch", "x509", "--output=json", "--socket", socket
    )


def _ids(printed: str) -> list[str]:
    found = [each["spiffe_id"] for each in json.loads(printed)["svids"]]
    return sorted(each.removeprefix("spiffe://prod.example/") for each in found)


@pytest.mark.slow
def test_a_workload_in_a_pod_gets_exactly_its_identity_and_its_neighbour_does_not(
    tmp_path: Path,
) -> None:
    with (
        cgroup_parent(UID_A) as parent,
        containers.podman() as podman,
        _kubelet(tmp_path) as port,
    ):
        config = _CONFIG.format(port=port, node=NODE, folder=tmp_path, uid=UID_A, digest=_DIGEST)
        with AgentProcess(tmp_path, config).running() as agent:
            container_id = _start(podman, agent, parent)
            # From here on the kubelet knows the pod, and two looks later its container.
            (tmp_path / "pod").write_text(f"{UID_A} {container_id}")
            inside = podman.ask("exec", "app", *_fetch(agent))
            assert _ids(inside) == ["anybody", "ns/payments/sa/checkout"], agent.log.read_text()
            beside = subprocess.run(_fetch(agent), check=True, capture_output=True, text=True)
            assert _ids(beside.stdout) == ["anybody"]
            assert _TOKEN not in agent.log.read_text()


def _start(podman: Containers, agent: AgentProcess, parent: str) -> str:
    """Start a container that sleeps, where the kubelet would have it; return its id."""
    command = podman.command(
        *("/usr/bin/sleep", "1000"),
        mounts=[agent.socket.parent],
        options=("--detach", "--name=app", f"--cgroup-parent={parent}"),
    )
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
