from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from accredit.envoy.redirect.programs import Cgroup, Programs, User
from accredit.envoy.redirect.sidecar_process import SidecarProcess, caught_by, find


def test_the_sidecar_is_who_listens_on_its_admin_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        assert find(path) is None
        listener.listen()
        found = find(path)
    assert found is not None
    assert found.uid == os.geteuid()
    own = [each for each in Path("/proc/self/cgroup").read_text().split() if each[:3] == "0::"]
    assert f"0::/{found.cgroup or ''}" in own or not own


@pytest.mark.parametrize("path", ["/run/accredit-none.sock", "", "a\0b", "/" + "x" * 200])
def test_without_one_there_is_no_sidecar_yet(path: str) -> None:
    assert find(path) is None


@pytest.mark.parametrize(
    ("process", "caught"),
    [
        (SidecarProcess(1000, "a.slice/envoy"), ["user legacy"]),
        (SidecarProcess(1, "app.slice"), ["cgroup app.slice"]),
        (SidecarProcess(1, "app.slice/envoy.scope"), ["cgroup app.slice"]),
        (SidecarProcess(1, "app.slice2"), []),
        (SidecarProcess(1, None), []),
        (SidecarProcess(1000, "app.slice"), ["user legacy", "cgroup app.slice"]),
    ],
)
def test_it_is_caught_by_its_user_and_by_a_cgroup_around_it(
    process: SidecarProcess, caught: list[str]
) -> None:
    programs = Programs((User(1000, "legacy"),), (Cgroup("app.slice"),))
    assert [*caught_by(process, programs)] == caught
