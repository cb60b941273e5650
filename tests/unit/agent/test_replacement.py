from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import needs

from accredit.agent.replacement import replace


def test_a_file_gets_its_new_content_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"old")
    file.chmod(0o640)
    replace(file, b"new")
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o7777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["f"]


def test_who_has_it_open_goes_on_reading_the_old(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"old")
    with file.open("rb") as reader:
        replace(file, b"new")
        assert reader.read() == b"old"


def test_a_symlink_stays_one(tmp_path: Path) -> None:
    file, link = tmp_path / "f", tmp_path / "link"
    file.write_bytes(b"old")
    link.symlink_to("f")
    replace(link, b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"


def test_its_owner_stays(tmp_path: Path) -> None:
    needs.root()
    file = tmp_path / "f"
    file.write_bytes(b"old")
    os.chown(file, 12345, 23456)
    replace(file, b"new")
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 23456)


def test_where_it_cannot_be_written_nothing_has_changed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace(tmp_path / "missing", b"new")
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(IsADirectoryError):
        replace(folder, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
