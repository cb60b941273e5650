"""``accredit envoy run`` as a user who is not root."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support import needs, other_user, sidecar_pair
from support.hostile.agent import open_to_all
from support.sidecar_run import SidecarRun

_CONFIG = f"""
trust_domain: td.example
entries:
  - {{id: /server, selectors: ["unix:uid:{other_user.UID}"]}}
"""


@pytest.mark.root
def test_an_ordinary_user_runs_changes_and_stops_a_sidecar() -> None:
    needs.envoy()
    with other_user.folder() as home, open_to_all(_CONFIG) as agent:
        port = sidecar_pair.free_port().port
        content = (
            f"  socket: {agent.socket}\n  inbound:\n"
            f"    - {{listen: '127.0.0.1:{port}', app: '127.0.0.1:1', allow: [/caller]}}\n"
        )
        sidecar = SidecarRun(home / "server", content, "--drain-time", "1")
        for path in (sidecar.folder, sidecar.file):
            os.chown(path, other_user.UID, other_user.UID)
        sidecar.starter = other_user.python()
        with sidecar.running():
            sidecar.wait_until_serving()
            (pid,) = sidecar.envoys()
            assert Path(f"/proc/{pid}").stat().st_uid == other_user.UID
            sidecar.write(content.replace("/caller", "/other"))
            os.chown(sidecar.file, other_user.UID, other_user.UID)
            sidecar.wait_until_serving(2)
            sidecar.send(signal.SIGTERM)
            assert sidecar.wait() == 0
