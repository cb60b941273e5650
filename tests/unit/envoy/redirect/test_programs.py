from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.redirect_sample import REDIRECT

from accredit.envoy.redirect.programs import Cgroup, Programs, User, cgroup_mount, find
from accredit.identity.yaml_lines import Key

_UNIFIED = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n"
_HYBRID = """\
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
"""


def _find(users: tuple[str, ...] = (), cgroups: tuple[str, ...] = ()) -> tuple[Programs, list[Key]]:
    mistakes: list[Key] = []
    redirect = replace(REDIRECT, users=users, cgroups=cgroups)
    return find(redirect, _UNIFIED, lambda key, _: mistakes.append(key)), mistakes


def test_users_are_known_by_name_or_number_and_each_once() -> None:
    found, mistakes = _find(("root", "0", "54321"))
    assert found.users == (User(0, "root"), User(54321, "54321"))
    assert mistakes == []


def test_every_user_that_there_is_not_is_told_with_its_place() -> None:
    found, mistakes = _find(("accredit-none", "root", "4294967295", "no\0body"))
    assert found.users == (User(0, "root"),)
    assert mistakes == [("users", 0), ("users", 2), ("users", 3)]


def test_a_cgroup_is_a_path_below_the_root_however_it_begins() -> None:
    found, mistakes = _find((), ("/system.slice/a.service/",))
    (cgroup,) = found.cgroups
    assert cgroup == Cgroup("system.slice/a.service")
    assert cgroup.level == 2
    assert mistakes == []


@pytest.mark.parametrize(
    ("mounts", "folder", "nft_path"),
    [
        (_UNIFIED, "/sys/fs/cgroup/a/b", "a/b"),
        (_HYBRID, "/sys/fs/cgroup/unified/a/b", "unified/a/b"),
        ("cgroup2 /mnt/cgroups cgroup2 rw 0 0\n", "/mnt/cgroups/a/b", "../../../mnt/cgroups/a/b"),
        ("", "/sys/fs/cgroup/a/b", "a/b"),
    ],
    ids=["unified", "hybrid", "elsewhere", "none"],
)
def test_nft_finds_a_cgroup_wherever_cgroup_v2_is_mounted(
    mounts: str, folder: str, nft_path: str
) -> None:
    cgroup = Cgroup("a/b", cgroup_mount(mounts))
    assert cgroup.folder == Path(folder)
    assert cgroup.nft_path == nft_path
    assert cgroup.level == 2
