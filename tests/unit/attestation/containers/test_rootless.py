"""Containers of users: no real one runs on cgroup v1, where Podman gives them no cgroups."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import other_user
from support.calling import calling
from support.clock import FakeClock
from support.contained import contained
from support.fake_engine import ID, FakeEngine, described, http

from accredit.attestation.caller import identify
from accredit.attestation.containers.rootless import UserContainerAttestor
from accredit.attestation.containers.runtime import Runtime
from accredit.identity.errors import AttestationError

USER = other_user.UID


def attestor(folder: Path, *, env: bool = False) -> UserContainerAttestor:
    return UserContainerAttestor(Runtime("podman", folder / "{uid}", env=env), FakeClock())


@pytest.mark.root
@pytest.mark.parametrize("env", [False, True])
async def test_every_selector_begins_with_the_user_whose_word_it_is(
    tmp_path: Path, *, env: bool
) -> None:
    with contained(f"libpod-{ID}.scope", USER) as inside:
        async with FakeEngine(described(inside.pid)).served(tmp_path / str(USER), USER):
            evidence = await attestor(tmp_path, env=env).attest(inside.caller)
    found = {str(each) for each in evidence.selectors}
    assert f"podman-user:{USER}:label:app:checkout" in found
    assert all(each.startswith(f"podman-user:{USER}:") for each in found)
    assert (f"podman-user:{USER}:env:KEY=secret" in found) == env


@pytest.mark.root
async def test_a_daemon_that_is_not_that_users_is_not_believed(tmp_path: Path) -> None:
    with contained(f"libpod-{ID}.scope", USER) as inside:
        async with FakeEngine(described(inside.pid)).served(tmp_path / str(USER), USER + 1):
            with pytest.raises(AttestationError, match=f"by user {USER + 1}, not {USER}"):
                await attestor(tmp_path).attest(inside.caller)


@pytest.mark.root
async def test_a_container_that_the_daemon_does_not_know_is_refused(tmp_path: Path) -> None:
    with contained(f"libpod-{ID}.scope", USER) as inside:
        async with FakeEngine(http(b"", "404 Not Found")).served(tmp_path / str(USER), USER):
            with pytest.raises(AttestationError, match=f"/{USER} knows no container {ID}"):
                await attestor(tmp_path).attest(inside.caller)


@pytest.mark.root
@pytest.mark.parametrize(("cgroup", "user"), [("libpod", None), ("docker", USER)])
async def test_containers_of_root_and_of_other_daemons_are_not_asked_about(
    tmp_path: Path, cgroup: str, user: int | None
) -> None:
    with contained(f"{cgroup}-{ID}.scope", user) as inside:
        evidence = await attestor(tmp_path).attest(inside.caller)
    assert not evidence.selectors
    assert not evidence.partial


async def test_a_process_of_the_host_says_nothing(tmp_path: Path) -> None:
    with calling() as child:
        evidence = await attestor(tmp_path).attest(identify(child.sock))
    assert not evidence.selectors
    assert not evidence.partial
