"""A sidecar's private folder."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from accredit.envoy.supervise.folder import run_folder, write_private
from accredit.identity.errors import StoreError


def test_it_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    with run_folder(tmp_path / "new") as run:
        folder = run.path
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
        write_private(folder / "f", "x")
        assert stat.S_IMODE((folder / "f").stat().st_mode) == 0o600
    assert not folder.exists()


def test_two_at_a_time_have_one_each(tmp_path: Path) -> None:
    with run_folder(tmp_path) as one:
        with run_folder(tmp_path) as other:
            assert one.path != other.path
        assert one.path.exists()


def test_what_a_killed_one_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "envoy-left"
    left.mkdir()
    (left / "lock").touch()
    (left / "base_id").write_text("214748363")
    shared = Path("/dev/shm/envoy_shared_memory_2147483630")
    shared.touch()
    (left / "hot_parent_10").touch()
    with run_folder(tmp_path):
        assert not left.exists()
        assert not shared.exists()


def test_a_folder_where_others_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(StoreError, match="others may write here; chmod 0700"), run_folder(tmp_path):
        pass


def test_a_path_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    with pytest.raises(StoreError, match="choose a shorter --run-dir"), run_folder(deep):
        pass
    assert not list(deep.iterdir())


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(StoreError, match="cannot be used"), run_folder(tmp_path / "f"):
        pass


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        write_private(tmp_path / "no/f", "x")


def test_what_its_envoys_share_is_its_own_and_given_back(tmp_path: Path) -> None:
    with run_folder(tmp_path) as one, run_folder(tmp_path) as other:
        assert one.memory.base_id != other.memory.base_id
        place = Path(f"/dev/shm/envoy_shared_memory_{one.memory.base_id * 10}")
        assert place.exists()
    assert not place.exists()
