"""The agent, and callers in real containers."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import containers, needs, other_user
from support.agent_process import AgentProcess
from support.cgroup import cgroup, entering
from support.containers import Containers

from accredit.envoy.redirect.programs import cgroup_mount

pytestmark = [pytest.mark.root]

_CONFIG = """\
trust_domain: prod.example
attestation:
  podman: {{socket: {socket}}}
entries:
  - {{id: /root, selectors: ["unix:uid:0"]}}
  - {{id: /other, selectors: ["unix:uid:{other}"]}}
  - {{id: /checkout, selectors: ["docker:label:app:checkout"]}}
  - {{id: /payments, selectors: ["docker:label:app:payments"]}}
"""
# Enters a cgroup of its own making, below one that it was given.
_FORGE = 'mkdir "$0" && echo $$ > "$0/cgroup.procs" && exec "$@"'


def config(socket: Path) -> str:
    return _CONFIG.format(socket=socket, other=other_user.UID)


@pytest.fixture(scope="module")
def podman() -> Iterator[Containers]:
    with containers.podman() as podman, podman.served():
        yield podman


@pytest.fixture(scope="module")
def agent(podman: Containers) -> Iterator[AgentProcess]:
    with (
        other_user.folder() as folder,
        AgentProcess(folder, config(podman.socket)).running() as agent,
    ):
        yield agent


@pytest.fixture(scope="module")
def checkout(podman: Containers, agent: AgentProcess) -> str:
    """The id of a container that waits."""
    labels = {"app": "checkout"}
    command = ("/usr/bin/sleep", "1000")
    return podman.start(*command, name="checkout", labels=labels, mounts=[agent.socket.parent])


def client(agent: AgentProcess, *what: str) -> list[str | Path]:
    """Return a command that asks for the identities of its process."""
    where = f"--socket=unix://{agent.socket}"
    return containers.python("-m", "accredit", "api", *what, "--output=json", where)


def ids(context: dict[str, list[dict[str, str]]]) -> list[str]:
    found = (svid["spiffe_id"] for svid in context["svids"])
    return sorted(each.removeprefix("spiffe://prod.example") for each in found)


def fetched(command: list[str | Path]) -> list[str]:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ids(json.loads(done.stdout))


def test_a_process_in_a_container_gets_the_identity_of_its_container_and_no_other(
    podman: Containers, agent: AgentProcess
) -> None:
    how = {"labels": {"app": "payments"}, "mounts": [agent.socket.parent], "options": ["--rm"]}
    command = podman.command(*client(agent, "fetch", "x509"), **how)  # type: ignore[arg-type]
    assert fetched([*command]) == ["/payments", "/root"]


def test_a_process_executed_in_a_container_gets_it_too_and_after_a_restart_again(
    podman: Containers, agent: AgentProcess, checkout: str
) -> None:
    ask = podman.prefixed("exec", checkout, *client(agent, "fetch", "x509"))
    assert fetched(ask) == ["/checkout", "/root"]
    before = podman.pid(checkout)
    podman.ask("restart", "--time=0", checkout)
    assert podman.pid(checkout) != before
    assert fetched(ask) == ["/checkout", "/root"]


def test_a_process_beside_the_containers_gets_nothing_of_them(
    agent: AgentProcess, checkout: str
) -> None:
    assert checkout
    assert fetched(client(agent, "fetch", "x509")) == ["/root"]


def test_a_user_who_gives_a_delegated_cgroup_the_name_of_a_container_is_refused(
    agent: AgentProcess, checkout: str
) -> None:
    setpriv = needs.program("setpriv", apt="util-linux")
    uid = other_user.UID
    command, how = other_user.python(*client(agent, "fetch", "x509")[1:])
    drop: list[str | Path] = [setpriv, f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    with cgroup("delegated") as theirs:
        for path in (theirs, theirs / "cgroup.procs"):
            os.chown(path, uid, uid)
        forged = theirs / f"docker-{checkout}.scope"
        try:
            forge = [*drop, "/bin/sh", "-c", _FORGE, forged, *command]
            done = subprocess.run(
                entering(theirs, *forge),
                check=False,
                capture_output=True,
                text=True,
                env=how["env"],
                cwd="/",
            )
        finally:
            forged.rmdir()
    assert done.returncode == 0, done.stderr
    assert ids(json.loads(done.stdout)) == ["/other"]
    assert f"user {uid} owns a directory" in agent.log.read_text()


def test_a_cgroup_of_roots_that_only_has_the_name_of_a_container_is_refused(
    agent: AgentProcess, checkout: str
) -> None:
    with cgroup(f"libpod-{checkout}") as elsewhere:
        command = entering(elsewhere, *client(agent, "fetch", "x509"))
        assert fetched(command) == ["/root"]
    assert "its cgroup only has that name" in agent.log.read_text()


def test_root_of_a_container_who_names_a_cgroup_like_another_container_is_refused(
    podman: Containers, agent: AgentProcess, checkout: str
) -> None:
    mount = cgroup_mount(Path("/proc/self/mounts").read_text())
    own = f'$(sed -n "s/^0:://p" /proc/self/cgroup)/libpod-{checkout}'
    forge = f'forged="{mount}{own}"; mkdir "$forged" && echo $$ > "$forged/cgroup.procs" && "$@"'
    command = podman.command(
        *("/bin/sh", "-c", forge, "sh", *client(agent, "fetch", "x509")),
        labels={"app": "payments"},
        mounts=[agent.socket.parent],
        writable=[Path("/sys/fs/cgroup")],
        options=["--rm", "--cgroupns=host"],
    )
    assert fetched([*command]) == ["/root"]


def test_a_runtime_that_is_down_costs_its_selectors_until_it_is_back_on_the_same_stream(
    podman: Containers,
) -> None:
    late = podman.folder / "late.sock"
    with (
        other_user.folder() as folder,
        AgentProcess(folder, config(late)).running() as agent,
    ):
        how = {"labels": {"app": "checkout"}, "mounts": [agent.socket.parent]}
        watch = client(agent, "watch", "x509", "--updates=2")
        command = podman.command(*watch, options=["--rm"], **how)  # type: ignore[arg-type]
        with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as watching:
            assert watching.stdout is not None
            assert ids(json.loads(watching.stdout.readline())["state"]) == ["/root"]
            with podman.served(late):
                line = watching.stdout.readline()
        assert ids(json.loads(line)["state"]) == ["/checkout", "/root"]
        log = agent.log.read_text()
    assert f"podman at {late}: cannot connect" in log
    assert "is it running?" in log
