from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs, other_user
from support.file_sets import names

from accredit.file_output import dirs
from accredit.file_output.fileset import RenderedFile
from accredit.file_output.layout import SetName
from accredit.file_output.set_writer import owner_of, write_set

NAME = SetName(1, "a")


@pytest.fixture
def sets(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_each_file_has_its_mode_whatever_the_umask(sets: int, tmp_path: Path, umask: int) -> None:
    modes = [0o400, 0o440, 0o444, 0o600, 0o640, 0o644]
    files = [RenderedFile(f"f{mode:o}", b"content", mode) for mode in modes]
    before = os.umask(umask)
    try:
        write_set(sets, NAME, files, 0o755)
    finally:
        os.umask(before)
    folder = tmp_path / "1.a"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    for file in files:
        status = (folder / file.name).stat()
        assert stat.S_IMODE(status.st_mode) == file.mode
        assert (status.st_uid, status.st_gid) == (os.geteuid(), os.getegid())
        assert (folder / file.name).read_bytes() == b"content"


def test_each_file_is_given_to_its_owner_and_group(sets: int, tmp_path: Path) -> None:
    needs.root()
    files = [
        RenderedFile("both", b"", 0o640, other_user.UID, other_user.UID + 1),
        RenderedFile("group", b"", 0o640, None, other_user.UID + 1),
        RenderedFile("owner", b"", 0o400, other_user.UID, None),
    ]
    write_set(sets, NAME, files, 0o755)
    for file in files:
        status = (tmp_path / "1.a" / file.name).stat()
        assert (status.st_uid, status.st_gid) == owner_of(file)
        assert stat.S_IMODE(status.st_mode) == file.mode


def test_a_folder_that_hands_on_its_group_does_not_change_that_of_the_files(
    sets: int, tmp_path: Path
) -> None:
    needs.root()
    os.chown(tmp_path, -1, other_user.UID)
    tmp_path.chmod(0o2755)
    write_set(sets, NAME, [RenderedFile("a", b"", 0o640)], 0o755)
    assert (tmp_path / "1.a/a").stat().st_gid == os.getegid()


def test_nothing_is_left_of_a_set_that_could_not_be_finished(sets: int) -> None:
    twice = [RenderedFile("a", b"", 0o600), RenderedFile("a", b"", 0o600)]
    with pytest.raises(FileExistsError):
        write_set(sets, NAME, twice, 0o755)
    assert dirs.names(sets) == []


def test_what_a_crash_left_is_written_over(sets: int, tmp_path: Path) -> None:
    (tmp_path / ".accredit.part").mkdir()
    (tmp_path / ".accredit.part/old").write_text("half a key")
    write_set(sets, NAME, [RenderedFile("a", b"", 0o600)], 0o755)
    assert names(tmp_path / "1.a") == ["a"]
    assert dirs.names(sets) == ["1.a"]
