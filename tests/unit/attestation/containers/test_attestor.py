from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support import other_user
from support.calling import calling
from support.clock import FakeClock
from support.contained import Contained, contained
from support.fake_engine import ID, FakeEngine, described, http

from accredit.attestation.attestor import WorkloadAttestor, attest
from accredit.attestation.caller import KernelCaller, identify
from accredit.attestation.connection import AttestedWorkload
from accredit.attestation.containers.attestor import ContainerAttestor
from accredit.attestation.containers.runtime import Runtime, Runtimes
from accredit.attestation.evidence import Evidence
from accredit.attestation.unix import UnixAttestor, UnixSettings
from accredit.identity.errors import AttestationError


def runtimes(folder: Path, *names: str) -> Runtimes:
    return Runtimes(**{name: Runtime(name, folder / name) for name in names})


def attestor(folder: Path, *names: str) -> ContainerAttestor:
    return ContainerAttestor(runtimes(folder, *names), FakeClock())


@pytest.fixture
def inside() -> Iterator[Contained]:
    with contained(f"docker-{ID}") as inside:
        yield inside


@pytest.mark.root
@pytest.mark.parametrize(("cgroup", "runtime"), [("docker", "docker"), ("libpod", "podman")])
async def test_the_daemon_whose_container_it_is_is_asked_and_no_other(
    tmp_path: Path, cgroup: str, runtime: str
) -> None:
    with contained(f"{cgroup}-{ID}") as inside:
        async with FakeEngine(described(inside.pid)).served(tmp_path / runtime):
            evidence = await attestor(tmp_path, "docker", "podman").attest(inside.caller)
    assert {str(each).split(":")[1] for each in evidence.selectors} == {
        *("label", "image_id", "image_config_digest", "name")
    }
    assert {each.type for each in evidence.selectors} == {"docker"}


@pytest.mark.root
async def test_a_container_of_a_daemon_that_is_not_configured_says_nothing(tmp_path: Path) -> None:
    with contained(f"docker-{ID}") as inside:
        evidence = await attestor(tmp_path, "podman").attest(inside.caller)
    assert not evidence.selectors
    assert not evidence.partial


async def test_a_process_of_the_host_says_nothing_and_nobody_is_asked(tmp_path: Path) -> None:
    with calling() as child:
        evidence = await attestor(tmp_path, "docker").attest(identify(child.sock))
    assert not evidence.selectors
    assert not evidence.partial


@pytest.mark.root
async def test_a_container_the_daemon_does_not_know_is_not_asked_for_again(
    tmp_path: Path, inside: Contained
) -> None:
    unknown = http(b"{}", "404 Not Found")
    async with FakeEngine(unknown).served(tmp_path / "docker"):
        with pytest.raises(AttestationError, match=f"docker at .* knows no container {ID}"):
            await attestor(tmp_path, "docker").attest(inside.caller)


@pytest.mark.root
async def test_a_container_of_a_pod_may_be_another_daemons_and_it_is_no_failure(
    tmp_path: Path,
) -> None:
    pod = "kubepods-pod8f2e6f84_1c4a_4c6e_9d8d_6a1f2b3c4d5e.slice:cri-containerd"
    with contained(f"{pod}:{ID}") as inside:
        async with FakeEngine(http(b"{}", "404 Not Found")).served(tmp_path / "docker") as docker:
            evidence = await attestor(tmp_path, "docker").attest(inside.caller)
    assert len(docker.asked) == 1
    assert not evidence.selectors
    assert not evidence.partial


@pytest.mark.root
@pytest.mark.parametrize("names", [("docker", "podman"), ("docker", "podman", "users")])
async def test_a_cgroup_of_a_user_is_refused_whatever_is_configured(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    with contained(f"docker-{ID}.scope", other_user.UID) as inside:
        async with FakeEngine(described(inside.pid)).served(tmp_path / "docker") as docker:
            with pytest.raises(AttestationError, match=f"user {other_user.UID} owns a directory"):
                await attestor(tmp_path, *names).attest(inside.caller)
    assert docker.asked == []


@pytest.mark.root
async def test_a_users_own_container_is_left_to_the_attestor_for_those(tmp_path: Path) -> None:
    with contained(f"libpod-{ID}.scope", other_user.UID) as inside:
        evidence = await attestor(tmp_path, "podman", "users").attest(inside.caller)
        assert not evidence.selectors
        assert not evidence.partial
        with pytest.raises(AttestationError, match="only cgroups made by root count"):
            await attestor(tmp_path, "podman").attest(inside.caller)


@asynccontextmanager
async def connected(
    folder: Path, caller: KernelCaller, clock: FakeClock
) -> AsyncIterator[AttestedWorkload]:
    """Attest as the agent does: with all attestors, and again while the connection lives."""
    docker = replace(Runtime("docker", folder / "docker"), timeout=timedelta(milliseconds=200))
    attestors: list[WorkloadAttestor] = [
        UnixAttestor(UnixSettings(), clock),
        ContainerAttestor(Runtimes(docker=docker), clock),
    ]

    async def ask(caller: KernelCaller) -> Evidence:
        return await attest(caller, attestors, timedelta(seconds=20))

    async with asyncio.TaskGroup() as tasks:
        workload = AttestedWorkload(caller, ask, tasks, clock)
        try:
            yield workload
        finally:
            workload.close()


@pytest.mark.root
@pytest.mark.parametrize("trouble", ["garbage", "slow", "stopped", "starting"])
async def test_a_daemon_in_trouble_costs_its_selectors_until_it_is_well(
    tmp_path: Path, inside: Contained, trouble: str
) -> None:
    clock, fake = FakeClock(), FakeEngine(described(inside.pid))
    changed = asyncio.Event()
    async with connected(tmp_path, inside.caller, clock) as workload:
        workload.subscribe(changed.set)
        if trouble == "stopped":
            evidence = await workload.evidence()
        else:
            async with fake.served(tmp_path / "docker"):
                match trouble:
                    case "garbage":
                        fake.answer = http(b"<html>")
                    case "slow":
                        fake.held.clear()
                    case _:
                        state = {"Running": False, "Pid": 0, "StartedAt": ""}
                        fake.answer = described(inside.pid, State=state)
                evidence = await workload.evidence()
            (tmp_path / "docker").unlink()
        assert {each.type for each in evidence.selectors} == {"unix"}
        assert set(evidence.failures) == {"docker"}
        assert not changed.is_set()
        async with FakeEngine(described(inside.pid)).served(tmp_path / "docker"):
            async with asyncio.timeout(30):
                while not changed.is_set():
                    clock.advance(timedelta(minutes=1))
                    await asyncio.sleep(0.01)
            evidence = await workload.evidence()
    assert {each.type for each in evidence.selectors} == {"unix", "docker"}
    assert not evidence.partial
