"""The examples' sidecars, each run until it truly serves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import needs, sidecar_pair
from support.agent_process import AgentProcess
from support.sidecar_run import SidecarRun

_EXAMPLES = Path(__file__).parents[2] / "examples/sidecar"
_IDS = ("checkout", "payments", "legacy")
_CONFIG = """
trust_domain: prod.example
attestation: {unix: {discover_path: true}}
"""


def _entries(folder: Path) -> str:
    """Let the Envoy of the sidecar have every identity of the examples."""
    path = f'selectors: ["unix:path:{folder}/sidecar/envoy"]'
    ids = [f"  - {{id: /ns/shop/sa/{name}, {path}}}\n" for name in _IDS]
    return "entries:\n" + "".join(ids)


def _here(text: str, folder: Path, socket: Path) -> str:
    """Give an example places and ports that are free here, and peers of its own domain only."""

    def free(found: re.Match[str]) -> str:
        return f"{found[1]}{sidecar_pair.free_port().port}"

    text = "".join(line for line in text.splitlines(keepends=True) if line[0] != "#")
    text = re.sub(r"(listen: [^,\n]*:)\d+", free, text)
    text = text.replace("/var/log/legacy", str(folder)).replace("partner.example", "prod.example")
    text = text.replace("    users: [legacy]", "    users: [legacy]\n    listen: ['127.0.0.1:1']")
    port = sidecar_pair.free_port().port
    return text.replace("127.0.0.1:1'", f"127.0.0.1:{port}'").replace(
        "sidecar:\n", f"sidecar:\n  socket: {socket}\n", 1
    )


@pytest.mark.parametrize("example", sorted(_EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_it_serves(folder: Path, example: Path) -> None:
    needs.envoy()
    with AgentProcess(folder, _CONFIG + _entries(folder)).running() as agent:
        content = _here(example.read_text(), folder, agent.socket)
        with SidecarRun(folder / "sidecar", content).running() as sidecar:
            sidecar.wait_until_serving()
            assert sidecar.serial()
