"""Units of a real systemd get their identities through a real agent."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.agent_process import AgentProcess
from support.eventually import eventually
from support.user_systemd import UserSystemd, user_systemd

pytestmark = pytest.mark.root

_CONFIG = """\
trust_domain: prod.example
attestation:
  systemd: {{user_units: true, bus: "unix:path={bus}"}}
entries:
  - {{id: /anybody, selectors: ["unix:uid:{uid}"]}}
  - {{id: /unit, selectors: ["systemd:id:lab.service"]}}
  - {{id: /slice, selectors: ["systemd:slice:lab.slice", "unix:uid:{uid}"]}}
  - {{id: /users, selectors: ["systemd-user:1000:id:lab.service"]}}
  - {{id: /manager, selectors: ["systemd:id:user@1000.service"]}}
  - {{id: /file, selectors: ["systemd:fragment_path:{units}/filed.service"]}}
"""


@pytest.fixture(scope="module")
def systemd() -> Iterator[UserSystemd]:
    with user_systemd() as running:
        yield running


@pytest.fixture
def agent(tmp_path: Path, systemd: UserSystemd) -> Iterator[AgentProcess]:
    config = _CONFIG.format(bus=systemd.bus, uid=os.geteuid(), units=systemd.units)
    with AgentProcess(tmp_path, config).running() as running:
        yield running


def fetch(agent: AgentProcess) -> list[str | Path]:
    arguments = ["api", "fetch", "x509", "--output=json", f"--socket=unix://{agent.socket}"]
    return [sys.executable, "-m", "accredit", *arguments]


def paths(printed: str) -> set[str]:
    found = json.loads(printed)
    ids = [svid["spiffe_id"] for svid in found.get("state", found)["svids"]]
    return {each.removeprefix("spiffe://prod.example") for each in ids}


def test_a_unit_has_the_identities_of_its_name_file_and_slice(
    agent: AgentProcess, systemd: UserSystemd
) -> None:
    found = {
        name: paths(systemd.run(name, *fetch(agent), how=how))
        for name, how in {
            "lab.service": [],
            "other.service": [],
            "sliced.service": ["--slice=lab.slice"],
        }.items()
    }
    assert found == {
        "lab.service": {"/anybody", "/unit"},
        "other.service": {"/anybody"},
        "sliced.service": {"/anybody", "/slice"},
    }
    beside = agent.command(*map(str, fetch(agent)[3:]))
    assert paths(beside) == {"/anybody"}


def test_a_unit_with_a_file_has_the_identity_of_that_file(
    agent: AgentProcess, systemd: UserSystemd, tmp_path: Path
) -> None:
    command = " ".join(map(str, fetch(agent)))
    printed = tmp_path / "printed"
    systemd.units.joinpath("filed.service").write_text(
        f"[Service]\nType=oneshot\nExecStart={command}\nStandardOutput=file:{printed}\n"
    )
    systemd.command("systemctl", "daemon-reload")
    systemd.command("systemctl", "start", "filed.service")
    assert paths(printed.read_text()) == {"/anybody", "/file"}


# What a user's manager does: cgroups below its own, with names as it likes.
_AS_UNIT_OF_USER = """
own="$(sed -n 's/^0:://p; s/^[0-9]*:name=systemd://p' /proc/self/cgroup | head -n 1)"
for place in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    folder="$place$own"
    if [ -d "$folder" ]; then
        mkdir -p "$folder/app.slice/lab.service"
        echo $$ > "$folder/app.slice/lab.service/cgroup.procs"
    fi
done
exec "$@"
"""


def test_a_users_unit_has_what_was_given_to_that_users_word_only(
    agent: AgentProcess, systemd: UserSystemd, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text(_AS_UNIT_OF_USER)
    command = ["sh", script, *fetch(agent)]
    inside = systemd.run("user@1000.service", *command, how=["--property=Delegate=yes"])
    assert paths(inside) == {"/anybody", "/manager", "/users"}
    beside = systemd.run("web.service", *command, how=["--property=Delegate=yes"])
    assert paths(beside) == {"/anybody"}


def test_a_unit_that_has_not_called_is_explained(agent: AgentProcess, systemd: UserSystemd) -> None:
    systemd.command("systemd-run", "--collect", "--unit=lab.service", "--", "sleep", "60")
    try:
        admin = f"--admin-socket={agent.admin_socket}"
        said = agent.command("entry", "explain", "--unit=lab", admin)
    finally:
        systemd.command("systemctl", "stop", "lab.service")
    assert "spiffe://prod.example/unit" in said
    (line,) = [line for line in said.splitlines() if line.strip().startswith("systemd:id:lab.")]
    assert "runtime" in line


async def test_a_stream_follows_when_the_bus_comes_back(
    agent: AgentProcess, systemd: UserSystemd, tmp_path: Path
) -> None:
    systemd.command("systemctl", "stop", "dbus.socket", "dbus.service")
    watch = [each.replace("fetch", "watch") for each in map(str, fetch(agent)) if each != "x509"]
    printed = tmp_path / "printed"
    where = f"--property=StandardOutput=file:{printed}"
    systemd.command("systemd-run", "--collect", "--unit=lab.service", where, "--", *watch)

    def seen() -> list[set[str]]:
        whole, _, _ = printed.read_text().rpartition("\n")
        return [paths(line) for line in whole.splitlines() if '"svids"' in line]

    try:
        await eventually(lambda: printed.exists() and bool(seen()))
        assert seen() == [{"/anybody"}]
        assert "attestation is incomplete" in agent.log.read_text()
        systemd.command("systemctl", "start", "dbus.service")
        await eventually(lambda: len(seen()) > 1, 60)
        assert seen() == [{"/anybody"}, {"/anybody", "/unit"}]
    finally:
        systemd.command("systemctl", "stop", "lab.service")
