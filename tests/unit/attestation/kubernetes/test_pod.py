from __future__ import annotations

from typing import Any

import pytest
from support.pods import ID_A, UID_A, pod

from accredit.attestation.kubernetes.pod import read_pod


def test_a_pod_is_cut_down_to_what_an_identity_may_rest_on() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d", "uid": "u-1"}
    found = read_pod(pod(UID_A, ID_A, labels={"app": "web"}, ownerReferences=[owner]))
    assert (found.uid, found.namespace, found.name) == (UID_A, "payments", "pod-a")
    assert (found.service_account, found.node_name) == ("checkout", "node-1")
    assert found.labels == {"app": "web"}
    assert [(each.kind, each.name, each.uid) for each in found.owners] == [
        ("ReplicaSet", "web-5d", "u-1")
    ]
    (container,) = found.containers
    assert (container.id, container.name, container.image) == (ID_A, "app", "reg.example/app:1")
    assert container.image_id.startswith("reg.example/app@sha256:")


@pytest.mark.parametrize("runtime", ["docker", "containerd", "cri-o"])
def test_every_runtime_names_its_containers_its_own_way(runtime: str) -> None:
    given = pod(UID_A, ID_A)
    given["status"]["containerStatuses"][0]["containerID"] = f"{runtime}://{ID_A}"
    assert read_pod(given).containers[0].id == ID_A


def test_a_pod_that_was_not_started_yet_has_no_containers() -> None:
    given = {"metadata": {"uid": UID_A, "name": "new", "namespace": "a", "labels": None}}
    found = read_pod(given)
    assert (found.containers, found.labels, found.service_account) == ((), {}, "")
    assert read_pod({**given, "status": {"containerStatuses": None}}).containers == ()


def _with(*path: str, value: Any) -> Any:
    given = pod(UID_A, ID_A)
    inner: Any = given
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return given


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ("pod", "pod is not an object"),
        ({}, "metadata is not an object"),
        ({"metadata": {"name": "a"}}, r"metadata\.uid is missing"),
        (_with("metadata", "uid", value=7), "uid is not text"),
        (_with("metadata", "labels", value=["a"]), "labels is not an object"),
        (_with("metadata", "labels", value={"app": 1}), "app is not text"),
        (_with("metadata", "labels", value={"app": "\ud800"}), "app holds half a surrogate pair"),
        (_with("metadata", "ownerReferences", value="me"), "ownerReferences is not a list"),
        (_with("spec", "nodeName", value={}), "nodeName is not text"),
        (_with("status", value="Running"), "status is not an object"),
        (_with("status", "containerStatuses", value=[1]), "containerStatuses is not an object"),
        (_with("status", "containerStatuses", value=[{"containerID": []}]), "containerID is not"),
    ],
)
def test_what_is_no_pod_says_which_field(broken: object, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        read_pod(broken)
