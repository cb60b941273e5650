"""From a real process in a real cgroup, by a kubelet over real TLS, to selectors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.calling import Child, calling
from support.cgroup import entering
from support.eventually import eventually
from support.fake_kubelet import TOKEN, FakeKubelet, ca_file, new_ca, response, serving
from support.kube_cgroup import pod_cgroup
from support.pods import ID_A, ID_B, UID_A, UID_B, pod, pod_list
from support.running import running

from accredit.attestation.attestor import attest
from accredit.attestation.caller import identify
from accredit.attestation.connection import AttestedWorkload
from accredit.attestation.evidence import Evidence
from accredit.attestation.kubernetes.attestor import KubernetesAttestor
from accredit.attestation.kubernetes.settings import KubernetesSettings
from accredit.identity.errors import AttestationError
from accredit.rotation.clock import SystemClock

SOMEBODY = 54321
_LONG = timedelta(seconds=10)


@pytest.fixture
def kubelet(tmp_path: Path) -> FakeKubelet:
    return FakeKubelet(tmp_path, pods=lambda: pod_list(pod(UID_A, ID_A), pod(UID_B, ID_B)))


@pytest.fixture
def in_pod() -> Iterator[Child]:
    with pod_cgroup(UID_A, ID_A) as folder, calling(*entering(folder)) as child:
        yield child


@pytest.fixture
def on_host() -> Iterator[Child]:
    with calling() as child:
        yield child


@asynccontextmanager
async def _attestor(kubelet: FakeKubelet, **changes: Any) -> AsyncIterator[KubernetesAttestor]:
    clock = SystemClock()
    settings: dict[str, Any] = {"read_only_port": kubelet.port, **changes}
    attestor = KubernetesAttestor(KubernetesSettings(**settings), clock)
    try:
        async with running(attestor):
            yield attestor
    finally:
        clock.close()


def _said(evidence: Evidence) -> set[str]:
    return {str(selector) for selector in evidence.selectors}


@pytest.mark.root
async def test_a_process_in_a_pods_container_is_that_container(
    kubelet: FakeKubelet, in_pod: Child
) -> None:
    async with kubelet.running(), _attestor(kubelet) as attestor:
        evidence = await attestor.attest(identify(in_pod.sock))
    assert {"k8s:ns:payments", "k8s:sa:checkout", "k8s:container-name:app"} <= _said(evidence)
    assert f"k8s:pod-uid:{UID_A}" in _said(evidence)
    assert f"k8s:pod-uid:{UID_B}" not in _said(evidence)
    assert not evidence.partial


async def test_a_process_of_the_host_has_no_selectors_and_costs_no_request(
    kubelet: FakeKubelet, on_host: Child
) -> None:
    async with kubelet.running(), _attestor(kubelet) as attestor:
        assert await attestor.attest(identify(on_host.sock)) == Evidence(frozenset())
    assert kubelet.requests == []


@pytest.mark.root
async def test_a_cgroup_that_an_ordinary_user_made_proves_nothing(kubelet: FakeKubelet) -> None:
    drop = ("/usr/bin/setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups")
    async with kubelet.running(), _attestor(kubelet) as attestor:
        with (
            pod_cgroup(UID_A, ID_A, SOMEBODY) as folder,
            calling(*entering(folder, *drop), python="/usr/bin/python3") as child,
            pytest.raises(AttestationError, match=f"user {SOMEBODY} owns a directory"),
        ):
            await attestor.attest(identify(child.sock))
    assert kubelet.requests == []


@pytest.mark.root
async def test_a_cgroup_within_the_own_container_names_nobody_else(kubelet: FakeKubelet) -> None:
    async with kubelet.running(), _attestor(kubelet) as attestor:
        with pod_cgroup(UID_A, ID_A) as folder:
            forged = folder / f"pod{UID_B}"
            (forged / ID_B).mkdir(parents=True)
            try:
                with (
                    calling(*entering(forged / ID_B)) as child,
                    pytest.raises(AttestationError, match="within its pod's container"),
                ):
                    await attestor.attest(identify(child.sock))
            finally:
                (forged / ID_B).rmdir()
                forged.rmdir()
    assert kubelet.requests == []


@pytest.mark.root
async def test_a_container_of_another_pod_than_its_cgroup_is_refused(
    kubelet: FakeKubelet, in_pod: Child
) -> None:
    kubelet.pods = lambda: pod_list(pod(UID_B, ID_A))
    async with kubelet.running(), _attestor(kubelet) as attestor:
        with pytest.raises(AttestationError, match="names another pod"):
            await attestor.attest(identify(in_pod.sock))


@pytest.mark.root
async def test_a_container_that_shows_at_the_third_look_is_waited_for(
    kubelet: FakeKubelet, in_pod: Child
) -> None:
    kubelet.pods = lambda: pod_list(pod(UID_A, ID_A if len(kubelet.requests) >= 3 else ""))
    async with kubelet.running(), _attestor(kubelet, patience=_LONG) as attestor:
        evidence = await attestor.attest(identify(in_pod.sock))
    assert "k8s:ns:payments" in _said(evidence)
    assert len(kubelet.requests) == 3


@pytest.mark.root
async def test_a_hundred_callers_of_one_pod_cost_one_request(
    kubelet: FakeKubelet, in_pod: Child
) -> None:
    kubelet.hold = asyncio.Event()
    caller = identify(in_pod.sock)
    async with kubelet.running(), _attestor(kubelet) as attestor:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(attestor.attest(caller)) for _ in range(100)]
            await eventually(lambda: len(kubelet.requests) == 1)
            kubelet.hold.set()
        assert all("k8s:ns:payments" in _said(each.result()) for each in asked)
    assert len(kubelet.requests) == 1


@pytest.mark.root
async def test_a_kubelet_that_comes_back_completes_what_a_connection_knows(
    kubelet: FakeKubelet, in_pod: Child
) -> None:
    async with kubelet.running():
        pass  # its port is known, and nobody is there
    changed = asyncio.Event()
    clock = SystemClock()
    try:
        async with _attestor(kubelet) as attestor, asyncio.TaskGroup() as tasks:
            workload = AttestedWorkload(
                identify(in_pod.sock),
                lambda caller: attest(caller, [attestor], _LONG),
                tasks,
                clock,
            )
            workload.subscribe(changed.set)
            first = await workload.evidence()
            assert first.retry
            assert "cannot be reached: " in first.failures["k8s"]
            async with kubelet.running():
                await changed.wait()
            assert "k8s:ns:payments" in _said(await workload.evidence())
            workload.close()
    finally:
        clock.close()


@pytest.mark.root
async def test_labels_of_the_namespace_are_given_when_asked_for(
    kubelet: FakeKubelet, in_pod: Child, tmp_path: Path
) -> None:
    ca = new_ca()
    api = FakeKubelet(tmp_path, serving(ca, "127.0.0.1"))
    body = json.dumps({"metadata": {"labels": {"team": "money"}}}).encode()
    api.answer = lambda: response(200, body)
    (tmp_path / "token").write_text(TOKEN)
    async with kubelet.running(), api.running():
        changes = {
            "namespace_labels": True,
            "api_server": f"https://127.0.0.1:{api.port}",
            "api_ca_file": ca_file(tmp_path / "ca.crt", ca),
            "token_file": tmp_path / "token",
        }
        async with _attestor(kubelet, **changes) as attestor:
            evidence = await attestor.attest(identify(in_pod.sock))
    assert {"k8s:ns-label:team:money", "k8s:ns:payments"} <= _said(evidence)
    assert api.requests[0].path == "/api/v1/namespaces/payments"


@pytest.mark.root
async def test_an_api_server_that_is_down_costs_its_selectors_only(
    kubelet: FakeKubelet, in_pod: Child, tmp_path: Path
) -> None:
    changes = {"namespace_labels": True, "api_ca_file": tmp_path / "none"}
    async with kubelet.running(), _attestor(kubelet, **changes) as attestor:
        evidence = await attestor.attest(identify(in_pod.sock))
    assert "k8s:ns:payments" in _said(evidence)
    assert evidence.failures == {
        "k8s:ns-label": f"{tmp_path}/none cannot be read: no such file or directory"
    }
    assert evidence.retry


@pytest.mark.root
async def test_selectors_of_containers_can_be_switched_off(
    kubelet: FakeKubelet, in_pod: Child
) -> None:
    kubelet.pods = lambda: pod_list(pod(UID_A, ""))
    async with kubelet.running(), _attestor(kubelet, container_selectors=False) as attestor:
        early = _said(await attestor.attest(identify(in_pod.sock)))
    kubelet.pods = lambda: pod_list(pod(UID_A, ID_A))
    async with kubelet.running(), _attestor(kubelet, container_selectors=False) as attestor:
        late = _said(await attestor.attest(identify(in_pod.sock)))
    for said in (early, late):
        assert "k8s:ns:payments" in said
        assert not {each for each in said if each.startswith("k8s:container")}


@pytest.mark.root
async def test_a_pod_with_facts_beyond_all_bounds_is_refused(
    kubelet: FakeKubelet, in_pod: Child
) -> None:
    kubelet.pods = lambda: pod_list(pod(UID_A, ID_A, labels={"a": "x" * 5000}))
    async with kubelet.running(), _attestor(kubelet) as attestor:
        with pytest.raises(AttestationError, match="pod is unusable: selector 'k8s:pod-label:a:xx"):
            await attestor.attest(identify(in_pod.sock))
