from __future__ import annotations

from pathlib import Path

import pytest

from accredit.attestation.cgroups.hierarchies import Hierarchies

HYBRID = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,seclabel,cpu,cpuacct
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup  rw,xattr,release_agent=/x,name=systemd
41 31 0:38 / /sys/fs/cgroup/un\\040ified rw shared:1 master:2 - cgroup2 cgroup2 rw
42 31 0:39 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
43 31 broken
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    file = tmp_path / "mountinfo"
    file.write_text(HYBRID)
    return file


@pytest.mark.parametrize(
    ("hierarchy", "place"),
    [
        ("cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"),
        ("name=systemd", "/sys/fs/cgroup/systemd"),
        ("", "/sys/fs/cgroup/un ified"),
    ],
)
def test_a_whole_hierarchy_is_found_by_its_name(mounts: Path, hierarchy: str, place: str) -> None:
    assert Hierarchies(mounts).place(hierarchy) == place


@pytest.mark.parametrize("hierarchy", ["memory", "pids", "cpu,pids", "name=other"])
def test_a_part_of_a_hierarchy_or_an_unmounted_one_is_none(mounts: Path, hierarchy: str) -> None:
    assert Hierarchies(mounts).place(hierarchy) is None


def test_mounts_are_read_again_only_after_somebody_missed_one(mounts: Path) -> None:
    hierarchies = Hierarchies(mounts)
    hierarchies.place("")
    mounts.write_text(HYBRID.replace("/un\\040ified", "/moved"))
    assert hierarchies.place("") == "/sys/fs/cgroup/un ified"
    hierarchies.forget()
    assert hierarchies.place("") == "/sys/fs/cgroup/moved"


def test_the_hierarchies_of_this_machine_are_mounted() -> None:
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    names = [line.split(":")[1] for line in lines]
    places = [Hierarchies().place(name) for name in names]
    assert any(place is not None and Path(place, "cgroup.procs").exists() for place in places)
