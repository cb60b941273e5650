from __future__ import annotations

import pytest

from accredit.attestation.cgroups.container import Container, container_of, folders_of
from accredit.attestation.cgroups.membership import Membership
from accredit.identity.errors import AttestationError

ID = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4
UID = "8f2e6f84-1c4a-4c6e-9d8d-6a1f2b3c4d5e"
UNDERSCORED = UID.replace("-", "_")


def found(*paths: str) -> Container | None:
    return container_of([Membership(str(number), path) for number, path in enumerate(paths)])


@pytest.mark.parametrize(
    "path",
    [
        f"/docker/{ID}",
        f"/system.slice/docker-{ID}.scope",
        f"/libpod_parent/libpod-{ID}",
        f"/libpod_parent/{OTHER}/libpod-{ID}",
        f"/machine.slice/libpod-{ID}.scope",
        f"/machine.slice/libpod-{ID}.scope/container/init.scope",
        f"/system.slice/app.service/libpod-payload-{ID}",
        f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope",
        f"/lxc/{ID.upper()}",
    ],
)
def test_a_container_without_a_pod(path: str) -> None:
    container = found(path)
    assert container is not None
    assert (container.id, container.pod_uid) == (ID, None)


@pytest.mark.parametrize(
    "path",
    [
        f"/kubepods/burstable/pod{UID}/{ID}",
        f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope",
        f"/kubepods.slice/kubepods-besteffort-pod{UNDERSCORED}.slice/crio-{ID}.scope",
        f"/system.slice/containerd.service/kubepods-pod{UNDERSCORED}.slice:cri-containerd:{ID}",
    ],
)
def test_a_container_in_a_pod(path: str) -> None:
    container = found(path)
    assert container is not None
    assert (container.id, container.pod_uid) == (ID, UID)


def test_the_uid_of_a_static_pod_has_no_dashes() -> None:
    container = found(f"/kubepods/pod{UID.replace('-', '')}/{ID}")
    assert container is not None
    assert container.pod_uid == UID.replace("-", "")


@pytest.mark.parametrize("path", ["/", "/init.scope", f"/x/{ID}0", f"/x_{ID}", f"/{ID[:63]}"])
def test_a_process_of_the_host_is_in_no_container(path: str) -> None:
    assert found(path) is None


def test_lines_without_a_container_do_not_count_wherever_they_stand() -> None:
    container = found("/", f"/docker/{ID}", "/system.slice/docker.service", f"/docker/{ID}/sub")
    assert container is not None
    assert container.folders == {"1": f"/docker/{ID}", "3": f"/docker/{ID}"}


def test_lines_that_name_different_containers_are_refused() -> None:
    with pytest.raises(AttestationError, match=f"different containers: {ID}, {OTHER}"):
        found(f"/docker/{ID}", f"/docker/{OTHER}")


def test_lines_that_name_different_pods_are_refused() -> None:
    other = UID.replace("8", "9")
    with pytest.raises(AttestationError, match=f"different containers: {UID}, {other}"):
        found(f"/kubepods/pod{UID}/{ID}", f"/kubepods/pod{other}/{ID}")


def test_lines_that_name_a_pod_overrule_the_others() -> None:
    container = found(f"/docker/{OTHER}", f"/docker/{OTHER}/kubepods/pod{UID}/{ID}")
    assert container is not None
    assert (container.id, container.pod_uid) == (ID, UID)
    assert set(container.folders) == {"1"}


def test_containers_further_up_are_told() -> None:
    container = found(f"/docker/{OTHER}/docker/{ID}", f"/docker/{ID}")
    assert container is not None
    assert container.enclosing == {OTHER}
    assert container.folders["0"] == f"/docker/{OTHER}/docker/{ID}"


def test_the_topmost_directory_of_a_name_is_the_one_that_counts() -> None:
    memberships = [Membership("", f"/docker/{ID}/docker-{ID}.scope")]
    assert folders_of(ID, memberships) == {"": f"/docker/{ID}"}


def test_a_pod_named_below_the_container_is_not_its_pod() -> None:
    container = found(f"/docker/{ID}/pod{UID}")
    assert container is not None
    assert container.pod_uid is None
