from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from accredit.agent.attestors import attestors
from accredit.agent.config import parse_config
from accredit.rotation.clock import SystemClock


def named(attestation: str) -> list[str]:
    text = (
        "trust_domain: prod.example\ndata_dir: /d\nsocket: /s\nadmin_socket: /a\n"
        f"attestation: {attestation}\n"
    )
    plan = parse_config(text, Path("/f")).plan(Path("/f"))
    clock = SystemClock()
    try:
        return [attestor.name for attestor in attestors(plan, clock)]
    finally:
        clock.close()


@pytest.mark.parametrize(
    ("attestation", "expected"),
    [
        ("{}", ["unix"]),
        ("{docker: {}}", ["unix", "docker"]),
        ("{podman: {}}", ["unix", "docker"]),
        ("{docker: {}, podman: {}}", ["unix", "docker"]),
        ("{podman: {users: true}}", ["unix", "docker", "podman-user"]),
        ("{k8s: {}}", ["unix", "k8s"]),
        ("{docker: {}, k8s: {}}", ["unix", "docker", "k8s"]),
    ],
)
def test_each_source_of_evidence_is_there_when_it_is_configured(
    attestation: str, expected: list[str]
) -> None:
    assert named(attestation) == expected


@pytest.mark.parametrize(
    ("extra", "asked"),
    [
        ("containers", "_containers(Runtimes(docker=Runtime('docker', Path('/d'))), None)"),
        ("kubernetes", "_kubernetes(KubernetesSettings(), None)"),
    ],
)
def test_a_library_that_is_not_installed_is_named_with_its_cure(extra: str, asked: str) -> None:
    code = (
        "import sys; sys.modules['httpx'] = None\n"
        "from pathlib import Path\n"
        "from accredit.agent.attestors import _containers, _kubernetes\n"
        "from accredit.attestation.containers.runtime import Runtime, Runtimes\n"
        "from accredit.attestation.kubernetes.settings import KubernetesSettings\n"
        f"list({asked})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert f"ConfigError: attestation: {extra}: this takes httpx: pip install" in done.stderr
    assert f"'accredit[{extra}]'" in done.stderr
