"""An agent and an nginx that an ordinary user runs, in a folder of that user."""

from __future__ import annotations

import json
import ssl
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import ordinary_user
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.handshakes import Handshakes
from support.nginx import Nginx

_GET = b"GET / HTTP/1.0\r\n\r\n"
_PATIENCE = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    with ordinary_user.folder() as found:
        yield found


def config(nginx: Nginx) -> str:
    return f"""\
trust_domain: prod.example
entries:
  - {{id: /web, selectors: ["output:nginx"], ttl: 8s}}
outputs:
  - profile: nginx
    folder: {nginx.files}
    validate: [nginx, -t, -q, -c, "{nginx.config}"]
    reload: {{signal: HUP, pid_file: "{nginx.pid_file}", program: nginx}}
    verify: "127.0.0.1:{nginx.port}"
"""


def line(agent: AgentProcess) -> dict[str, Any]:
    where = f"--admin-socket={agent.admin_socket}"
    return dict(json.loads(agent.command("status", where, "--output=json"))["outputs"][0])


def until(holds: Callable[[], bool], agent: AgentProcess) -> None:
    wait_until(holds, _PATIENCE, lambda: (line(agent), agent.log.read_text()[-4000:]))


def test_files_are_written_served_and_renewed_without_root(folder: Path) -> None:
    uid = ordinary_user.uid()
    nginx = Nginx(folder, folder / "files")
    nginx.user = str(uid)
    agent = AgentProcess(folder, config(nginx), as_ordinary=True)
    with agent.running():
        assert Path(f"/proc/{agent.pid}").stat().st_uid == uid
        until((nginx.files / "tls.key").exists, agent)
        with nginx.running():
            assert Path(f"/proc/{nginx.pid}").stat().st_uid == uid
            until(lambda: line(agent)["deployments"] > 0, agent)
            context = ssl.create_default_context(cafile=nginx.files / "ca.crt")
            context.check_hostname = False
            load = Handshakes(nginx.port, context, say=_GET)
            with load.running():
                until(lambda: len(load.serials) > 1, agent)
        key = (nginx.files / "tls.key").stat()
        assert (key.st_uid, stat.S_IMODE(key.st_mode)) == (uid, 0o600)
        assert line(agent)["rollbacks"] == 0
        assert agent.stop() == 0
    assert load.failures == []
