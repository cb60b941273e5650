from __future__ import annotations

from pathlib import Path

import pytest

from accredit.attestation.containers.runtime import Runtime, Runtimes, is_podmans

ID = "0123456789abcdef" * 4
DOCKER, PODMAN = Runtime("docker", Path("/d")), Runtime("podman", Path("/p"))


@pytest.mark.parametrize(
    ("folder", "runtime"),
    [
        (f"/docker/{ID}", DOCKER),
        (f"/system.slice/docker-{ID}.scope", DOCKER),
        (f"/libpod_parent/libpod-{ID}", PODMAN),
        (f"/machine.slice/libpod-{ID}.scope", PODMAN),
        (f"/system.slice/app.service/libpod-payload-{ID}", PODMAN),
        (f"/kubepods/burstable/pod1/libpod-{ID}", PODMAN),
    ],
)
def test_the_name_of_a_cgroup_tells_whose_it_is(folder: str, runtime: Runtime) -> None:
    assert Runtimes(docker=DOCKER, podman=PODMAN).of(folder) is runtime
    assert is_podmans(folder) == (runtime is PODMAN)


def test_a_runtime_that_is_not_to_be_asked_has_none() -> None:
    assert Runtimes(docker=DOCKER).of(f"/libpod_parent/libpod-{ID}") is None
    assert Runtimes(podman=PODMAN).of(f"/docker/{ID}") is None


def test_that_of_a_user_is_served_by_the_user() -> None:
    runtime = Runtime("podman", Path("/run/user/{uid}/podman.sock")).of_user(1000)
    assert (runtime.owner, str(runtime)) == (1000, "podman at /run/user/1000/podman.sock")
