from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.calling import calling
from support.cgroup import cgroup as made
from support.cgroup import entering

from accredit.attestation.caller import identify
from accredit.attestation.cgroups.hierarchies import Hierarchies
from accredit.attestation.evidence import Evidence
from accredit.attestation.linux.cgroup import cgroup
from accredit.attestation.process import Process

SOMEBODY = 54321


def found_in(folder: Path, hierarchies: Hierarchies | None = None) -> Evidence:
    wrapper = entering(folder)
    with calling(*wrapper) as child, identify(child.sock).opened() as process:
        return cgroup(process, hierarchies or Hierarchies())


def values(evidence: Evidence) -> set[str]:
    assert not evidence.partial
    return set(map(str, evidence.selectors))


@pytest.mark.root
def test_a_cgroup_that_is_roots_is_told_with_its_whole_path() -> None:
    with made("of-root") as outer:
        inner = outer / "web:1 x"
        inner.mkdir()
        assert values(found_in(outer)) == {f"linux:cgroup:/{outer.name}"}
        assert values(found_in(inner)) == {f"linux:cgroup:/{outer.name}/web:1 x"}
        inner.rmdir()


@pytest.mark.root
def test_a_cgroup_below_what_was_handed_to_a_user_is_not() -> None:
    with made("handed") as outer:
        inner = outer / "web"
        inner.mkdir()
        os.chown(outer, SOMEBODY, SOMEBODY)
        assert values(found_in(inner)) == set()
        assert values(found_in(outer)) == set()
        inner.rmdir()


@pytest.mark.root
@pytest.mark.parametrize("door", ["cgroup.procs", "cgroup.threads"])
def test_a_cgroup_that_others_may_move_processes_to_is_not(door: str) -> None:
    with made("open") as folder:
        os.chown(folder / door, SOMEBODY, SOMEBODY)
        assert values(found_in(folder)) == set()
        os.chown(folder / door, 0, 0)
        (folder / door).chmod(0o666)
        assert values(found_in(folder)) == set()


@pytest.mark.root
def test_a_name_that_would_spoil_a_terminal_is_not_told() -> None:
    with made("odd") as outer:
        inner = outer / "a\tb"
        inner.mkdir()
        assert values(found_in(inner)) == set()
        inner.rmdir()


def found_by(tmp_path: Path, memberships: str, mounts: str) -> Evidence:
    """Look at a process of which only ``/proc/PID/cgroup`` is there."""
    (tmp_path / "cgroup").write_text(memberships)
    (tmp_path / "mountinfo").write_text(mounts)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        return cgroup(Process(1, -1, folder), Hierarchies(tmp_path / "mountinfo"))
    finally:
        os.close(folder)


_V2 = "1 2 0:1 / {} rw - cgroup2 cgroup2 rw\n"
_V1 = "1 2 0:1 / {} rw - cgroup cgroup rw,name=systemd\n"


def test_without_v2_it_is_the_one_that_systemd_keeps_in_v1(tmp_path: Path) -> None:
    both = "9:name=systemd:/a\n8:pids:/b\n0::/c\n"
    found = found_by(tmp_path, both, _V1.format(tmp_path / "gone"))
    assert f"cannot look at cgroup '{tmp_path}/gone'" in found_text(found)
    assert values(found_by(tmp_path, "8:pids:/b\n", _V2.format("/x"))) == set()
    assert values(found_by(tmp_path, both, "")) == set()


def found_text(evidence: Evidence) -> str:
    return evidence.failures["linux:cgroup"]


def test_a_cgroup_that_is_gone_is_looked_for_again(tmp_path: Path) -> None:
    found = found_by(tmp_path, "0::/web\n", _V2.format(tmp_path / "gone"))
    assert "cannot look at cgroup" in found_text(found)
    assert found.retry


def test_a_cgroup_outside_our_own_namespace_is_a_failure_with_its_cure(tmp_path: Path) -> None:
    found = found_by(tmp_path, "0::/../web\n", _V2.format(tmp_path))
    assert "run the agent in the host's cgroup namespace" in found_text(found)
    assert not found.retry


def test_a_deleted_cgroup_is_not_told(tmp_path: Path) -> None:
    assert values(found_by(tmp_path, "0::/web (deleted)\n", _V2.format(tmp_path))) == set()
