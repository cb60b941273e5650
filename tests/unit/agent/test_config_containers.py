from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from accredit.agent.config_containers import Docker, Podman, runtimes
from accredit.agent.config_sections import Attestation
from accredit.attestation.containers.runtime import Runtime, Runtimes

DOCKER = Runtime("docker", Path("/var/run/docker.sock"))
PODMAN = Runtime("podman", Path("/run/podman/podman.sock"))


def test_nobody_is_asked_unless_it_is_configured() -> None:
    assert runtimes(None, None) == Runtimes()


def test_an_empty_section_asks_where_distributions_put_the_socket() -> None:
    assert runtimes(Docker(), None) == Runtimes(docker=DOCKER)
    assert runtimes(None, Podman()) == Runtimes(podman=PODMAN)


def test_podman_of_users_is_asked_in_each_users_runtime_folder() -> None:
    users = runtimes(None, Podman(users=True)).users
    assert users is not None
    assert users.of_user(1000).socket == Path("/run/user/1000/podman/podman.sock")


def test_variables_are_asked_for_one_by_one() -> None:
    assert runtimes(Docker(env=True), Podman()).docker == Runtime(DOCKER.name, DOCKER.socket, True)
    podman = runtimes(Docker(), Podman(env=True, users=True))
    assert (podman.podman and podman.podman.env, podman.users and podman.users.env) == (True, True)
    assert podman.docker == DOCKER


@pytest.mark.parametrize("section", [Docker, Podman])
@pytest.mark.parametrize(
    ("socket", "reason"),
    [
        ("docker.sock", "expected an absolute path"),
        ("tcp://127.0.0.1:2375", "a TCP caller cannot be identified"),
        ("/" + "x" * 200, "longer than the 107 bytes"),
    ],
)
def test_a_socket_that_cannot_be_one_is_refused(
    section: type[Docker | Podman], socket: str, reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        section.model_validate({"socket": socket})


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_a_key_with_nothing_behind_it_is_told_what_it_may_have_meant(name: str) -> None:
    with pytest.raises(ValidationError, match="switches it on with every default"):
        Attestation.model_validate({name: None})


def test_a_socket_may_be_written_as_for_docker_host() -> None:
    assert Docker.model_validate({"socket": "unix:///d"}).runtime().socket == Path("/d")


def test_the_sockets_of_users_differ() -> None:
    with pytest.raises(ValidationError, match=r"expected a path with .uid. in it"):
        Podman.model_validate({"users_socket": "/run/podman.sock"})
