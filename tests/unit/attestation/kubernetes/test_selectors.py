from __future__ import annotations

import pytest
from support.pods import ID_A, ID_B, UID_A, pod, status

from accredit.attestation.kubernetes.pod import read_pod
from accredit.attestation.kubernetes.selectors import namespace_selectors, selectors
from accredit.identity.errors import SelectorError

_APP = f"reg.example/app@sha256:{'5e' * 32}"
_SETUP = f"reg.example/setup@sha256:{'5e' * 32}"
_OWNER = {"kind": "ReplicaSet", "name": "web-5d", "uid": "u-1"}


def test_a_caller_has_all_of_spires_selectors_in_spires_spelling() -> None:
    given = pod(UID_A, ID_A, labels={"app": "web", "tier": ""}, ownerReferences=[_OWNER])
    given["status"]["initContainerStatuses"] = [status(ID_B, "setup", "reg.example/setup:2")]
    found = read_pod(given)
    assert {str(each) for each in selectors(found, found.containers[0])} == {
        "k8s:ns:payments",
        "k8s:sa:checkout",
        "k8s:node-name:node-1",
        f"k8s:pod-uid:{UID_A}",
        "k8s:pod-name:pod-a",
        "k8s:pod-label:app:web",
        "k8s:pod-label:tier:",
        "k8s:pod-owner:ReplicaSet:web-5d",
        "k8s:pod-owner-uid:ReplicaSet:u-1",
        "k8s:pod-image:reg.example/app:1",
        f"k8s:pod-image:{_APP}",
        "k8s:pod-image-count:1",
        "k8s:pod-init-image:reg.example/setup:2",
        f"k8s:pod-init-image:{_SETUP}",
        "k8s:pod-init-image-count:1",
        "k8s:container-name:app",
        "k8s:container-image:reg.example/app:1",
        f"k8s:container-image:{_APP}",
    }


def test_what_the_kubelet_does_not_know_yet_is_no_selector() -> None:
    given = pod(UID_A, ID_A, "")
    del given["spec"]["nodeName"]
    found = read_pod(given)
    said = {each.value for each in selectors(found, found.containers[0])}
    assert "pod-image-count:2" in said
    assert not {each for each in said if each.endswith(":")}
    assert not {each for each in said if each.startswith("node-name")}


def test_of_a_pod_alone_nothing_is_said_of_a_container() -> None:
    found = read_pod(pod(UID_A, ID_A))
    said = {each.value.partition(":")[0] for each in selectors(found, None)}
    assert not {kind for kind in said if kind.startswith("container")}
    assert {"ns", "pod-image"} <= said


def test_labels_of_a_namespace_are_a_kind_of_their_own() -> None:
    said = namespace_selectors({"env": "prod", "a.example/b": "c:d"})
    assert set(map(str, said)) == {"k8s:ns-label:env:prod", "k8s:ns-label:a.example/b:c:d"}


def test_a_fact_too_long_to_be_a_selector_is_refused() -> None:
    with pytest.raises(SelectorError, match="longer than 4096"):
        selectors(read_pod(pod(UID_A, labels={"a": "x" * 5000})), None)


def test_more_facts_than_anybody_needs_are_refused() -> None:
    labels = {f"l{number}": "x" for number in range(5000)}
    with pytest.raises(ValueError, match="5007 facts about one pod, more than 4096"):
        selectors(read_pod(pod(UID_A, labels=labels)), None)
    with pytest.raises(ValueError, match="more than 4096"):
        namespace_selectors(labels)
