from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import needs, other_user
from support.file_sets import names

from accredit.file_output.folder import Folder
from accredit.file_output.layout import CURRENT, PREVIOUS, SetName
from accredit.identity.errors import StoreError


@contextmanager
def opened(path: Path, mode: int = 0o755) -> Iterator[Folder]:
    folder = Folder.open(path, mode)
    try:
        yield folder
    finally:
        folder.close()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_a_missing_folder_is_made_with_its_mode_and_those_above_it(
    tmp_path: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        with opened(tmp_path / "a/b", 0o750):
            pass
    finally:
        os.umask(before)
    assert (mode_of(tmp_path / "a"), mode_of(tmp_path / "a/b")) == (0o755, 0o750)
    assert mode_of(tmp_path / "a/b/sets") == 0o750
    assert mode_of(tmp_path / "a/b/.accredit.lock") & 0o077 == 0
    assert names(tmp_path / "a") == ["b"]


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o700)
    with opened(tmp_path / "out"):
        assert mode_of(tmp_path / "out") == 0o700


def test_a_second_accredit_is_refused_until_the_first_has_closed(tmp_path: Path) -> None:
    with opened(tmp_path / "out"), pytest.raises(StoreError, match="another accredit writes here"):
        Folder.open(tmp_path / "out", 0o755)
    with opened(tmp_path / "out"):
        pass


def test_a_refusal_leaves_no_descriptor_open(tmp_path: Path) -> None:
    with opened(tmp_path / "out"):
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            with pytest.raises(StoreError):
                Folder.open(tmp_path / "out", 0o755)
        assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("place", ["", "sets"])
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
def test_a_folder_that_others_could_write_in_is_refused(
    tmp_path: Path, place: str, mode: int
) -> None:
    (tmp_path / "out/sets").mkdir(parents=True)
    (tmp_path / "out").chmod(0o755)
    (tmp_path / "out" / place).chmod(mode)
    with pytest.raises(StoreError, match=f"can be written by others .mode {mode:04o}.; run: chmod"):
        Folder.open(tmp_path / "out", 0o755)


@pytest.mark.parametrize("place", ["", "sets"])
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, place: str) -> None:
    needs.root()
    (tmp_path / "out/sets").mkdir(parents=True)
    os.chown(tmp_path / "out" / place, other_user.UID, -1)
    with pytest.raises(StoreError, match=f"belongs to uid {other_user.UID}, and accredit runs as"):
        Folder.open(tmp_path / "out", 0o755)


def test_a_place_where_everybody_could_exchange_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(StoreError, match="open can be written by every user; chmod o-w"):
        Folder.open(tmp_path / "open/out", 0o755)
    (tmp_path / "open").chmod(0o1777)
    with opened(tmp_path / "open/out"):
        pass


def test_a_link_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    with pytest.raises(StoreError, match="out: is a symbolic link; name the folder it leads to"):
        Folder.open(tmp_path / "out", 0o755)
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(StoreError, match="is a symbolic link"):
        Folder.open(tmp_path / "dangling", 0o755)


@pytest.mark.parametrize("name", ["sets", ".accredit.lock"])
def test_a_link_inside_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / name).symlink_to("../elsewhere")
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        Folder.open(tmp_path / "out", 0o755)
    assert names(tmp_path / "elsewhere") == []


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    for path in (tmp_path / "out", tmp_path / "out/below"):
        with pytest.raises(NotADirectoryError):
            Folder.open(path, 0o755)


def test_links_lead_to_sets_that_are_there(tmp_path: Path) -> None:
    with opened(tmp_path / "out") as folder:
        assert folder.linked(CURRENT) is None
        for name in (SetName(9, "a"), SetName(10, "b")):
            (tmp_path / "out/sets" / str(name)).mkdir()
        (tmp_path / "out/sets/theirs").mkdir()
        folder.point(CURRENT, SetName(10, "b"))
        folder.point(PREVIOUS, SetName(8, "gone"))
        assert folder.current == SetName(10, "b")
        assert folder.previous is None
        assert folder.names() == [SetName(9, "a"), SetName(10, "b")]


def test_it_notices_that_it_was_removed_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with opened(path) as folder:
        assert folder.still_there()
        (path / "sets").rename(path / "moved")
        assert not folder.still_there()
        (path / "sets").mkdir()
        assert not folder.still_there()
        (path / "sets").rmdir()
        (path / "moved").rename(path / "sets")
        assert folder.still_there()
        path.rename(tmp_path / "moved")
        assert not folder.still_there()
        path.symlink_to("moved")
        assert not folder.still_there()
