"""The example's manifests, by the models of the official client."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support import needs

pytestmark = pytest.mark.interop

_PROGRAM = Path(__file__).with_name("manifest_program.py")
_EXAMPLES = Path(__file__).parents[2] / "examples/kubernetes"


def test_every_key_is_one_that_kubernetes_knows_and_another_would_be_noticed(
    tmp_path: Path,
) -> None:
    text = (_EXAMPLES / "agent.yaml").read_text()
    odd = tmp_path / "odd.yaml"
    odd.write_text(text.replace("hostPID:", "hostPid:").replace("  selector: ", "  selectors: "))
    manifests = [_EXAMPLES / "agent.yaml", _EXAMPLES / "workload.yaml", odd]
    command = [needs.interop_python("kubernetes"), _PROGRAM, *manifests]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        f"{odd} DaemonSet.spec.selector: missing",
        f"{odd} DaemonSet.spec.template.spec.hostPid: extra_forbidden",
        f"{odd} DaemonSet.spec.selectors: extra_forbidden",
    ]
