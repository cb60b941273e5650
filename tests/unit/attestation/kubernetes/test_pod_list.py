from __future__ import annotations

import pytest
from support.pods import ID_A, ID_B, ID_C, UID_A, UID_B, pod, status

from accredit.attestation.kubernetes.pod_list import Place, PodList
from accredit.identity.errors import AttestationError, UnavailableError

_BOTH = PodList([pod(UID_A, ID_A), pod(UID_B, ID_B, ID_C)])


def test_a_container_is_found_in_its_pod() -> None:
    found = _BOTH.find(Place(ID_C, UID_B))
    assert found is not None
    assert found.container is not None
    assert (found.pod.uid, found.container.name) == (UID_B, "app1")


def test_the_pod_is_found_where_the_cgroup_does_not_show_it() -> None:
    found = _BOTH.find(Place(ID_A, None))
    assert found is not None
    assert found.pod.uid == UID_A


def test_an_init_container_counts_too() -> None:
    given = pod(UID_A)
    given["status"]["initContainerStatuses"] = [status(ID_B, "setup")]
    found = PodList([given]).find(Place(ID_B, UID_A))
    assert found is not None
    assert found.container is not None
    assert found.container.name == "setup"


def test_a_container_that_is_not_listed_may_come_yet() -> None:
    assert _BOTH.find(Place("d4" * 32, UID_A)) is None
    assert PodList().find(Place(ID_A, UID_A)) is None


@pytest.mark.parametrize("uid", [UID_A.replace("-", "_"), UID_A.replace("-", ""), UID_A.upper()])
def test_a_uid_may_be_written_as_cgroup_managers_do(uid: str) -> None:
    assert _BOTH.find(Place(ID_A, uid)) is not None


def test_a_container_of_another_pod_than_the_cgroup_names_is_refused() -> None:
    with pytest.raises(AttestationError, match="names another pod than the one it belongs to"):
        _BOTH.find(Place(ID_A, UID_B))


def test_two_pods_with_one_container_are_an_error() -> None:
    listed = PodList([pod(UID_A, ID_A), pod(UID_B, ID_A)])
    for uid in (None, UID_A, UID_B):
        with pytest.raises(UnavailableError, match="in two places"):
            listed.find(Place(ID_A, uid))


def test_two_containers_that_were_not_created_are_not_one() -> None:
    listed = PodList([pod(UID_A, ""), pod(UID_B, "")])
    assert listed.find(Place("", UID_A)) is None


def test_an_ephemeral_container_is_refused_at_once() -> None:
    given = pod(UID_A, ID_A)
    given["status"]["ephemeralContainerStatuses"] = [status(ID_B, "debugger")]
    with pytest.raises(AttestationError, match="ephemeral container, which has no identity"):
        PodList([given]).find(Place(ID_B, UID_A))


def test_a_pod_that_cannot_be_read_costs_nobody_else() -> None:
    listed = PodList([{"metadata": {"name": "odd"}}, pod(UID_A, ID_A), 7])
    assert listed.find(Place(ID_A, UID_A)) is not None
    assert listed.broken == ["metadata.uid is missing", "pod is not an object"]


def test_a_pod_is_found_by_the_uid_of_a_cgroup() -> None:
    found = _BOTH.pod(UID_B.replace("-", "_"))
    assert found is not None
    assert found.name == "pod-b"
    assert _BOTH.pod("0" * 32) is None
