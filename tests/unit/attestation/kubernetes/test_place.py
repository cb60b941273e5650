from __future__ import annotations

import pytest
from support.pods import ID_A, ID_B, UID_A, UID_B

from accredit.attestation.kubernetes.place import place_in_pod
from accredit.attestation.kubernetes.pod_list import Place
from accredit.identity.errors import AttestationError

_SLICE = UID_A.replace("-", "_")
_SYSTEMD = "/kubepods.slice/kubepods-burstable.slice"
_KIND = "/kubelet.slice/kubelet-kubepods.slice"
_STATIC = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("path", "uid"),
    [
        (f"/kubepods/burstable/pod{UID_A}/{ID_A}", UID_A),
        (f"/kubepods/pod{UID_A}/{ID_A}", UID_A),
        (f"/kubepods/besteffort/pod{_STATIC}/{ID_A}", _STATIC),
        (f"{_SYSTEMD}/kubepods-burstable-pod{_SLICE}.slice/cri-containerd-{ID_A}.scope", _SLICE),
        (f"/kubepods.slice/kubepods-pod{_SLICE}.slice/crio-{ID_A}.scope/container", _SLICE),
        (f"/kubepods.slice/kubepods-pod{_SLICE}.slice/docker-{ID_A}.scope/init.scope", _SLICE),
        (f"/docker/{ID_B}/kubelet/kubepods/burstable/pod{UID_A}/{ID_A}", UID_A),
        (f"{_KIND}/kubelet-kubepods-pod{_SLICE}.slice/cri-containerd-{ID_A}.scope", _SLICE),
        (f"/kubepods/burstable/{ID_A}", None),
    ],
)
def test_every_cgroup_manager_puts_a_container_below_kubepods(path: str, uid: str | None) -> None:
    assert place_in_pod([path]) == Place(ID_A, uid)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/user.slice/user-1000.slice",
        f"/docker/{ID_A}",
        f"/machine.slice/libpod-{ID_A}.scope",
        f"/burstable/pod{UID_A}/{ID_A}",
        f"/mykubepods/pod{UID_A}/{ID_A}",
        f"/kubepodsy/pod{UID_A}/{ID_A}",
        f"/kubepods/burstable/pod{UID_A}",
        f"/system.slice/docker-{ID_A}.scope/kubepods",
    ],
)
def test_who_is_in_no_pods_container_has_no_place(path: str) -> None:
    assert place_in_pod([path]) is None


def test_a_container_within_a_pods_container_is_nobodys() -> None:
    own = f"/kubepods/burstable/pod{UID_A}/{ID_A}"
    for forged in (f"{own}/{ID_B}", f"{own}/pod{UID_B}/{ID_B}", f"{own}/docker-{ID_B}.scope/x"):
        with pytest.raises(AttestationError, match="a container within its pod's container"):
            place_in_pod([forged])


def test_a_pod_that_is_named_below_a_container_does_not_count() -> None:
    path = f"/kubepods/burstable/{ID_A}/pod{UID_B}/x"
    assert place_in_pod([path]) == Place(ID_A, None)


def test_hierarchies_that_agree_are_one_place() -> None:
    path = f"/kubepods/burstable/pod{UID_A}/{ID_A}"
    assert place_in_pod([path, "/", path, f"/docker/{ID_B}"]) == Place(ID_A, UID_A)


def test_hierarchies_that_disagree_are_an_error() -> None:
    one = f"/kubepods/burstable/pod{UID_A}/{ID_A}"
    for other in (f"/kubepods/pod{UID_B}/{ID_A}", f"/kubepods/pod{UID_A}/{ID_B}"):
        with pytest.raises(AttestationError, match="different pods or containers"):
            place_in_pod([one, other])
