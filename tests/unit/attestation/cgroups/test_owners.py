from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import needs

from accredit.attestation.cgroups.hierarchies import Hierarchies
from accredit.attestation.cgroups.owners import owners
from accredit.identity.errors import AttestationError, UnavailableError

ME = os.getuid()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "memory"
    (tree / "docker/abc").mkdir(parents=True)
    return tree


@pytest.fixture
def hierarchies(tmp_path: Path, tree: Path) -> Hierarchies:
    (tmp_path / "mountinfo").write_text(f"32 31 0:29 / {tree} rw - cgroup cgroup rw,memory\n")
    return Hierarchies(tmp_path / "mountinfo")


def test_whoever_owns_a_directory_on_the_way_is_named(tree: Path, hierarchies: Hierarchies) -> None:
    assert owners({"memory": "/docker/abc"}, hierarchies) == {ME: str(tree)}


@pytest.mark.root
@pytest.mark.parametrize("theirs", ["", "docker", "docker/abc"])
def test_one_directory_of_another_user_is_enough(
    tree: Path, hierarchies: Hierarchies, theirs: str
) -> None:
    needs.root()
    os.chown(tree / theirs, 54321, 0)
    assert owners({"memory": "/docker/abc"}, hierarchies)[54321] == str(tree / theirs)


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_a_directory_that_others_may_write_to_is_refused(
    tree: Path, hierarchies: Hierarchies, mode: int
) -> None:
    (tree / "docker").chmod(mode)
    with pytest.raises(AttestationError, match=r"/docker' can be written to by others"):
        owners({"memory": "/docker/abc"}, hierarchies)


def test_an_unmounted_hierarchy_does_not_count_beside_a_mounted_one(
    hierarchies: Hierarchies,
) -> None:
    assert ME in owners({"memory": "/docker/abc", "": "/docker/abc"}, hierarchies)


def test_containers_in_unmounted_hierarchies_only_are_refused(hierarchies: Hierarchies) -> None:
    with pytest.raises(AttestationError, match=r"cannot be seen from here.*/sys/fs/cgroup:ro"):
        owners({"": "/docker/abc"}, hierarchies)


def test_a_cgroup_that_has_gone_is_looked_for_again_later(
    tmp_path: Path, tree: Path, hierarchies: Hierarchies
) -> None:
    with pytest.raises(UnavailableError, match=r"cannot look at cgroup .*/gone"):
        owners({"memory": "/docker/gone"}, hierarchies)
    moved = tree.rename(tmp_path / "moved")
    (tmp_path / "mountinfo").write_text(f"32 31 0:29 / {moved} rw - cgroup cgroup rw,memory\n")
    assert owners({"memory": "/docker/abc"}, hierarchies) == {ME: str(moved)}


def test_mounts_that_cannot_be_read_are_asked_for_again(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot read the mounts of cgroups"):
        owners({"": "/docker/abc"}, Hierarchies(tmp_path / "none"))


def test_a_symbolic_link_is_not_followed(tree: Path, hierarchies: Hierarchies) -> None:
    (tree / "alias").symlink_to(tree / "docker")
    with pytest.raises(AttestationError, match=r"/alias' is no cgroup"):
        owners({"memory": "/alias"}, hierarchies)
