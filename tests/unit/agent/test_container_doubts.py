from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest
from support import ordinary_user
from support.entries import entry, template

from accredit.agent.container_doubts import of_containers, of_runtimes
from accredit.attestation.containers.runtime import Runtime, Runtimes

DOCKER = Runtime("docker", Path("/d"))
PODMAN = Runtime("podman", Path("/p"))
WITH_ENV = Runtime("podman", Path("/p"), env=True)


@pytest.mark.parametrize(
    ("selector", "runtimes", "setting"),
    [
        ("docker:label:a:b", Runtimes(), "attestation.docker or attestation.podman is there"),
        ("docker:name:a", Runtimes(users=PODMAN), "attestation.docker or attestation.podman"),
        ("docker:env:A=b", Runtimes(docker=DOCKER), "attestation.docker.env is true"),
        ("docker:env:A=b", Runtimes(podman=PODMAN), "attestation.podman.env is true"),
        ("podman-user:7:name:a", Runtimes(podman=PODMAN), "attestation.podman.users is true"),
        ("podman-user:7:env:A=b", Runtimes(users=PODMAN), "attestation.podman.env is true"),
    ],
)
def test_a_selector_that_no_container_can_have_names_the_setting_it_waits_for(
    selector: str, runtimes: Runtimes, setting: str
) -> None:
    (line,) = of_containers(entry("/a", selector), runtimes)
    assert f"{selector} never holds unless {setting}" in line


@pytest.mark.parametrize(
    ("selector", "runtimes"),
    [
        ("docker:label:a:b", Runtimes(docker=DOCKER)),
        ("docker:label:env:b", Runtimes(podman=PODMAN)),
        ("docker:env:A=b", Runtimes(docker=DOCKER, podman=WITH_ENV)),
        ("podman-user:7:name:env", Runtimes(users=PODMAN)),
        ("podman-user:7:env:A=b", Runtimes(users=WITH_ENV)),
        ("unix:uid:7", Runtimes()),
    ],
)
def test_what_a_container_can_have_is_no_doubt(selector: str, runtimes: Runtimes) -> None:
    assert not list(of_containers(entry("/a", selector), runtimes))


def test_a_daemon_whose_socket_is_missing_is_told(tmp_path: Path) -> None:
    there, missing = Runtime("docker", tmp_path / "d"), Runtime("podman", tmp_path / "p")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(there.socket))
    (line,) = of_runtimes(Runtimes(docker=there, podman=missing))
    assert f"attestation.podman: there is no socket {tmp_path}/p" in line


@pytest.mark.parametrize("mode", [0, 0o555])
def test_a_daemon_whose_socket_is_not_ours_to_use_is_told(mode: int) -> None:
    with ordinary_user.acting() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        (folder / "s").chmod(0o400)
        folder.chmod(mode)
        (line,) = of_runtimes(Runtimes(docker=Runtime("docker", folder / "s")))
        assert line == (
            f"attestation.docker: uid {os.geteuid()} may not use {folder}/s: run the agent as root,"
            " or in the group that may"
        )


def test_a_library_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    monkeypatch.delitem(sys.modules, "httpx", raising=False)
    lines = list(of_runtimes(Runtimes(docker=Runtime("docker", tmp_path / "d"))))
    assert "pip install 'accredit[containers]'" in lines[-1]
    assert not list(of_runtimes(Runtimes()))


def test_a_reference_to_a_container_waits_for_the_setting_too() -> None:
    (line,) = of_containers(template("/web/{docker:label:app}"), Runtimes())
    assert "{docker:label:app} never holds unless attestation.docker or" in line
