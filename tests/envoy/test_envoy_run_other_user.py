"""``accredit envoy run`` as a user who is not root."""

from __future__ import annotations

import os
import signal
import socket
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
_OUT = "outbound: [{listen: '127.0.0.1:9', to: '127.0.0.1:1', expect: [/server]}]\n"


@pytest.mark.root
def test_a_folder_that_the_user_may_not_write_to_is_named() -> None:
    needs.envoy()
    with other_user.folder() as home:
        sidecar = SidecarRun(home / "server", "  socket: /run/a/api.sock\n  " + _OUT)
        sidecar.starter = other_user.python()
        sidecar.folder.chmod(0o755)
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(str(sidecar.folder / "admin.sock"))
            (sidecar.folder / "admin.sock").chmod(0o600)
        with sidecar.running():
            assert sidecar.wait() == 1
        why = (
            f"{sidecar.folder}: may not be written to by uid {other_user.UID}; give it to the user"
        )
        assert why in sidecar.log.read_text()


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
