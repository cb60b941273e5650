"""What is said of a caller in a container, by Docker and by Podman."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import containers
from support.calling import calling
from support.clock import FakeClock
from support.containers import IMAGE, Containers

from accredit.attestation.caller import KernelCaller, identify
from accredit.attestation.containers.attestor import ContainerAttestor
from accredit.attestation.containers.runtime import Runtime, Runtimes

pytestmark = [pytest.mark.root]


@pytest.fixture(scope="module", params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> Iterator[Containers]:
    if request.param == "docker":
        with containers.docker() as found:
            yield found
    else:
        with containers.podman() as found, found.served():
            yield found


@contextmanager
def caller_in(engine: Containers, name: str, *options: str) -> Iterator[KernelCaller]:
    wrapper = engine.command(
        labels={"app": "checkout", "colour": ""},
        writable=[Path("/tmp")],
        options=["--interactive", f"--name={name}", "--env=STAGE=prod", *options],
    )
    with calling(*wrapper) as child:
        yield identify(child.sock)


def attestor(engine: Containers, *, env: bool = False) -> ContainerAttestor:
    runtime = Runtime("engine", engine.socket, env=env)
    return ContainerAttestor(Runtimes(docker=runtime, podman=runtime), FakeClock())


async def said(engine: Containers, caller: KernelCaller, *, env: bool = False) -> set[str]:
    evidence = await attestor(engine, env=env).attest(caller)
    assert not evidence.failures
    return {str(selector) for selector in evidence.selectors}


async def test_label_image_and_name_are_told_and_variables_only_if_asked_for(
    engine: Containers,
) -> None:
    with caller_in(engine, "told") as caller:
        without, with_env = await said(engine, caller), await said(engine, caller, env=True)
    digest = engine.ask("inspect", "--format={{.Image}}", "told").removeprefix("sha256:")
    assert without == {
        "docker:label:app:checkout",
        "docker:label:colour:",
        f"docker:image_id:{IMAGE}",
        f"docker:image_config_digest:sha256:{digest}",
        "docker:name:told",
    }
    assert "docker:env:STAGE=prod" in with_env
    assert {each.split(":")[1] for each in with_env - without} == {"env"}


async def test_an_image_that_takes_over_a_name_does_not_become_that_of_running_containers(
    engine: Containers,
) -> None:
    with caller_in(engine, "old") as caller:
        before = await said(engine, caller)
        engine.import_image("LABEL another=1")
        assert await said(engine, caller) == before
        with caller_in(engine, "new") as later:
            after = await said(engine, later)
    kind = "docker:image_config_digest"
    assert {each for each in before if each.startswith(kind)}.isdisjoint(after)
    assert f"docker:image_id:{IMAGE}" in before & after


@pytest.mark.parametrize("view", [containers.V1, containers.V2], ids=["v1", "v2"])
async def test_a_container_in_one_version_of_cgroups_is_told_as_well(view: str) -> None:
    if not Path("/sys/fs/cgroup/unified").exists():
        pytest.skip("this machine has one version only, and the other tests run in that")
    with (
        containers.podman(view) as engine,
        engine.served(),
        # Version 2 has no controllers where version 1 has them.
        caller_in(engine, "told", "--pids-limit=-1") as caller,
    ):
        lines = Path(f"/proc/{caller.pid}/cgroup").read_text().splitlines()
        versions = {"v2" if line.startswith("0:") else "v1" for line in lines if "libpod" in line}
        assert versions == {"v1" if view == containers.V1 else "v2"}
        assert "docker:name:told" in await said(engine, caller)


async def test_who_is_in_no_container_has_no_selectors_and_it_is_no_failure(
    engine: Containers,
) -> None:
    with calling() as child:
        assert not await said(engine, identify(child.sock))
