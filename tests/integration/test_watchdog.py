"""A real systemd that is told that an agent lives, and ends one that does not."""

from __future__ import annotations

import os
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs
from support.eventually import wait_until
from support.user_systemd import UserSystemd, user_systemd

_UNIT = """\
[Service]
Type=notify
NotifyAccess=main
ExecStart={python} -m accredit run -c {config}
Restart=always
RestartSec=0
WatchdogSec=6
"""
_CONFIG = """\
trust_domain: prod.example
data_dir: data
socket: public/api.sock
admin_socket: private/admin.sock
entries: [{id: /me, selectors: ["unix:uid:0"]}]
"""


@pytest.fixture
def systemd() -> Iterator[UserSystemd]:
    with user_systemd() as found:
        yield found


def shown(systemd: UserSystemd, name: str) -> str:
    return systemd.command("systemctl", "show", "--value", f"--property={name}", "agent").strip()


@pytest.mark.root
def test_an_agent_that_hangs_is_started_again_and_one_that_does_not_is_left(
    systemd: UserSystemd, tmp_path: Path
) -> None:
    needs.root()
    config = tmp_path / "accredit.yaml"
    config.write_text(_CONFIG)
    config.chmod(0o600)
    unit = systemd.units / "agent.service"
    unit.write_text(_UNIT.format(python=sys.executable, config=config))
    systemd.command("systemctl", "daemon-reload")
    systemd.command("systemctl", "start", "agent")
    wait_until(lambda: shown(systemd, "ActiveState") == "active", 60)
    times: dict[str, set[str]] = defaultdict(set)

    def has_told_thrice() -> bool:
        times[shown(systemd, "MainPID")].add(shown(systemd, "WatchdogTimestampMonotonic"))
        return any(len(of_one) > 2 for of_one in times.values())

    wait_until(has_told_thrice, 60)
    hanging, restarts = shown(systemd, "MainPID"), shown(systemd, "NRestarts")
    os.kill(int(hanging), signal.SIGSTOP)
    wait_until(lambda: int(shown(systemd, "NRestarts")) > int(restarts), 60)
    wait_until(lambda: shown(systemd, "ActiveState") == "active", 60)
