"""A real agent, and a process in the cgroup of a pod, while the kubelet comes and goes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.agent_process import AgentProcess
from support.cgroup import entering
from support.fake_kubelet import NODE, TOKEN, FakeKubelet, ca_file, new_ca, serving
from support.kube_cgroup import pod_cgroup
from support.pods import ID_A, UID_A, pod, pod_list
from support.ports import free_port

pytestmark = pytest.mark.root

_CONFIG = """\
trust_domain: prod.example
attestation:
  k8s: {{port: {port}, node_name: {node}, ca_file: {folder}/ca.crt, token_file: {folder}/token}}
entries:
  - {{id: /host, selectors: ["unix:uid:0"], default: true}}
  - {{id: /checkout, selectors: ["k8s:ns:payments", "k8s:sa:checkout"]}}
"""
_CHECKOUT = "spiffe://prod.example/checkout"


async def test_an_open_stream_follows_once_the_kubelet_answers(tmp_path: Path) -> None:
    ca = new_ca()
    ca_file(tmp_path / "ca.crt", ca)
    (tmp_path / "token").write_text(TOKEN)
    kubelet = FakeKubelet(tmp_path, serving(ca, NODE), token=TOKEN, port=free_port())
    kubelet.pods = lambda: pod_list(pod(UID_A, ID_A))
    agent = AgentProcess(tmp_path, _CONFIG.format(port=kubelet.port, node=NODE, folder=tmp_path))
    with agent.running(), pod_cgroup(UID_A, ID_A) as folder:
        watching = await _watching(folder, agent)
        assert watching.stdout is not None
        try:
            # What needs no kubelet comes at once.
            first = json.loads(await watching.stdout.readline())
            assert [each["name"] for each in first["secrets"]] == ["default"]
            assert "cannot be reached" in agent.log.read_text()
            async with kubelet.running():
                second = json.loads(await watching.stdout.readline())
        finally:
            watching.kill()
            await watching.wait()
        assert [each["name"] for each in second["secrets"]] == [_CHECKOUT]
        assert TOKEN not in agent.log.read_text()


async def _watching(folder: Path, agent: AgentProcess) -> asyncio.subprocess.Process:
    """Ask for two secrets, of which one is not ours yet, from within a cgroup."""
    command = (sys.executable, "-m", "accredit", "sds", "watch", "--output=json", "default")
    return await asyncio.create_subprocess_exec(
        *entering(folder, *command, _CHECKOUT),
        stdout=subprocess.PIPE,
        env={**os.environ, "SPIFFE_ENDPOINT_SOCKET": f"unix://{agent.socket}"},
    )
