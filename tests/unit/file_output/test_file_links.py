from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from accredit.file_output.file_links import check_free, sync
from accredit.file_output.folder import Folder
from accredit.file_output.layout import CURRENT, SetName
from accredit.identity.errors import StoreError


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    found = Folder.open(tmp_path / "out", 0o755)
    yield found
    found.close()


def make_current(folder: Folder, number: int, *names: str) -> None:
    name = SetName(number, "a")
    (folder.path / name.target).mkdir()
    for each in names:
        (folder.path / name.target / each).write_text(each)
    folder.point(CURRENT, name)


def links(folder: Folder) -> dict[str, str]:
    return {
        path.name: str(path.readlink())
        for path in folder.path.iterdir()
        if path.is_symlink() and path.name != CURRENT
    }


def test_there_is_a_link_for_each_file_of_the_current_set(folder: Folder) -> None:
    make_current(folder, 1, "a", "b")
    sync(folder)
    assert links(folder) == {"a": "current/a", "b": "current/b"}
    assert (folder.path / "a").read_text() == "a"


def test_links_come_and_go_with_the_set(folder: Folder) -> None:
    make_current(folder, 1, "a", "b")
    sync(folder)
    kept = (folder.path / "b").lstat().st_ino
    make_current(folder, 2, "b", "c")
    sync(folder)
    assert links(folder) == {"b": "current/b", "c": "current/c"}
    assert (folder.path / "b").lstat().st_ino == kept


def test_without_a_current_set_no_link_is_left(folder: Folder) -> None:
    make_current(folder, 1, "a")
    sync(folder)
    (folder.path / CURRENT).unlink()
    sync(folder)
    assert links(folder) == {}


def test_links_and_files_of_others_stay(folder: Folder) -> None:
    (folder.path / "theirs").symlink_to("somewhere")
    (folder.path / "a").write_text("theirs too")
    make_current(folder, 1, "a")
    sync(folder)
    assert links(folder) == {"theirs": "somewhere"}
    assert (folder.path / "a").read_text() == "theirs too"


@pytest.mark.parametrize("name", ["a", CURRENT, "previous"])
@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_accredit_did_not_make_is_never_overwritten(
    folder: Folder, name: str, what: str
) -> None:
    path = folder.path / name
    if what == "link":
        path.symlink_to("/etc/passwd")
    elif what == "file":
        path.write_text("theirs")
    else:
        path.mkdir()
    with pytest.raises(StoreError, match=rf"{name}: is no link that accredit made; move it away"):
        check_free(folder, ["a"])


def test_its_own_links_are_no_obstacle(folder: Folder) -> None:
    make_current(folder, 1, "a")
    sync(folder)
    check_free(folder, ["a", "b"])
