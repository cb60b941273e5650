from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from support import needs

from accredit.authority.embedded import folder
from accredit.identity.errors import StoreError


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"x")
    path.chmod(0o600)
    return path


def test_a_written_file_is_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder.write_private(tmp_path / "secret", b"x")
    finally:
        os.umask(before)
    assert _mode(tmp_path / "secret") == 0o600
    assert folder.read_private(tmp_path / "secret") == b"x"


def test_a_file_is_replaced_whole_and_leaves_no_parts(private: Path) -> None:
    folder.write_private(private, b"new")
    assert folder.read_private(private) == b"new"
    assert [path.name for path in private.parent.iterdir()] == ["secret"]


def test_a_part_that_a_crash_left_is_in_nobodys_way(private: Path) -> None:
    private.with_name("secret.part").write_bytes(b"half")
    folder.write_private(private, b"new")
    assert folder.read_private(private) == b"new"


def test_what_cannot_be_written_leaves_the_old_file(private: Path) -> None:
    private.with_name("secret.part").mkdir()
    with pytest.raises(StoreError, match="secret: is a directory"):
        folder.write_private(private, b"new")
    assert folder.read_private(private) == b"x"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_file_open_to_others_is_refused_with_its_cure(private: Path, mode: int) -> None:
    private.chmod(mode)
    cure = rf"secret: is open to other users \(mode {mode:04o}\); run: chmod go-rwx .*secret"
    for check in (folder.read_private, folder.check_private_file):
        with pytest.raises(StoreError, match=cure):
            check(private)


def test_an_empty_file_is_refused(private: Path) -> None:
    private.write_bytes(b"")
    with pytest.raises(StoreError, match="secret: is empty; restore it from a backup"):
        folder.read_private(private)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for check in (folder.read_private, folder.check_private_file, folder.check_private_folder):
        with pytest.raises(StoreError, match="gone: is missing; restore it from a backup"):
            check(tmp_path / "gone")


def test_a_link_is_not_followed(private: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(private)
    with pytest.raises(StoreError, match="link: too many levels of symbolic links"):
        folder.read_private(tmp_path / "link")
    with pytest.raises(StoreError, match="link: is not a regular file"):
        folder.check_private_file(tmp_path / "link")
    (tmp_path / "folder").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="folder: is not a folder"):
        folder.check_private_folder(tmp_path / "folder")


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(StoreError, match="pipe: is not a regular file"):
        folder.read_private(tmp_path / "pipe")


def test_a_file_without_end_is_refused(private: Path) -> None:
    private.write_bytes(b"x" * (64 * 1024 + 1))
    with pytest.raises(StoreError, match="secret: is larger than 65536 bytes"):
        folder.read_private(private)


def test_a_file_of_another_user_is_refused_with_its_cure(private: Path) -> None:
    needs.root()
    os.chown(private, 12345, 0)
    with pytest.raises(
        StoreError, match=r"belongs to uid 12345, and accredit runs as uid 0; run: chown -R 0 /"
    ):
        folder.read_private(private)


def test_the_data_folder_is_made_for_us_alone(tmp_path: Path) -> None:
    folder.check_data_dir(tmp_path / "a" / "data")
    assert _mode(tmp_path / "a" / "data") == 0o700


def test_a_data_folder_may_be_read_by_others_never_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder.check_data_dir(tmp_path)
    for mode in (0o775, 0o757, 0o777):
        tmp_path.chmod(mode)
        with pytest.raises(StoreError, match=rf"can be written by others \(mode {mode:04o}\)"):
            folder.check_data_dir(tmp_path)


def test_a_data_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    needs.root()
    os.chown(tmp_path, 12345, 0)
    with pytest.raises(StoreError, match="belongs to uid 12345"):
        folder.check_data_dir(tmp_path)


def test_a_data_folder_that_is_a_file_is_refused(private: Path) -> None:
    with pytest.raises(StoreError, match="secret: file exists"):
        folder.check_data_dir(private)


def test_a_lock_is_held_by_one_and_names_its_holder(tmp_path: Path) -> None:
    held = folder.lock(tmp_path / "lock")
    with pytest.raises(
        StoreError, match=rf"is in use by another accredit \(process {os.getpid()}\); stop that one"
    ):
        folder.lock(tmp_path / "lock")
    os.close(held)
    os.close(folder.lock(tmp_path / "lock"))


def test_a_lock_that_cannot_be_made_names_the_file(private: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="lock: not a directory"):
        folder.lock(private / "lock")
    (tmp_path / "link").symlink_to(private)
    with pytest.raises(StoreError, match="link: too many levels of symbolic links"):
        folder.lock(tmp_path / "link")


def test_a_refusal_for_lack_of_rights_says_who_should_run_it() -> None:
    error = folder.unusable(Path("/x"), PermissionError(13, "Permission denied"))
    assert str(error) == (
        "/x: permission denied; run accredit as the user who owns it, or chown it"
    )
