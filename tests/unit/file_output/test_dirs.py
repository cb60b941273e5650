from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from accredit.file_output import dirs
from accredit.file_output.layout import LINK, PART


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_folder_has_its_mode_whatever_the_umask(folder: int, umask: int, tmp_path: Path) -> None:
    del umask
    dirs.make("a", folder, 0o750)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o750
    assert dirs.names(folder) == ["a"]


def test_what_a_crash_left_half_made_is_replaced(folder: int, tmp_path: Path) -> None:
    (tmp_path / PART).mkdir(mode=0)
    dirs.make("a", folder, 0o755)
    dirs.make(PART, folder, 0o700)
    dirs.make(PART, folder, 0o711)
    assert stat.S_IMODE((tmp_path / PART).stat().st_mode) == 0o711
    assert sorted(dirs.names(folder)) == [PART, "a"]


def test_what_is_not_empty_is_never_removed_by_making_a_folder(folder: int, tmp_path: Path) -> None:
    (tmp_path / PART / "theirs").mkdir(parents=True)
    with pytest.raises(OSError, match="Directory not empty"):
        dirs.make("a", folder, 0o755)
    assert (tmp_path / PART / "theirs").is_dir()


def test_nothing_is_left_of_a_folder_that_could_not_be_made(folder: int) -> None:
    with pytest.raises(OSError, match="File name too long"):
        dirs.make("x" * 256, folder, 0o755)
    assert dirs.names(folder) == []


def test_a_folder_is_removed_with_all_in_it_but_not_what_its_links_lead_to(
    folder: int, tmp_path: Path
) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep/file").write_text("kept")
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/link").symlink_to("../keep")
    (tmp_path / "link").symlink_to("keep")
    for name in ("a", "link", "gone"):
        dirs.remove(name, folder)
    assert dirs.names(folder) == ["keep"]
    assert (tmp_path / "keep/file").read_text() == "kept"


def test_clearing_up_never_hides_the_error_before_it(tmp_path: Path) -> None:
    del tmp_path
    dirs.try_to_remove("a", -1)


def test_a_link_to_a_folder_is_not_entered(folder: int, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with (
        pytest.raises(OSError, match=r"Not a directory|Too many levels"),
        dirs.opened("link", folder),
    ):
        pass
    with dirs.opened("real", folder) as descriptor:
        assert dirs.names(descriptor) == []


def test_only_a_link_holds_a_target(folder: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("anywhere")
    assert dirs.read_link("link", folder) == "anywhere"
    assert dirs.read_link("file", folder) is None
    assert dirs.read_link("gone", folder) is None
    with pytest.raises(OSError, match="File name too long"):
        dirs.read_link("x" * 300, folder)


def test_pointing_replaces_and_leaves_nothing_behind(folder: int, tmp_path: Path) -> None:
    (tmp_path / LINK).symlink_to("left by a crash")
    for target in ("a", "b"):
        dirs.point("current", target, folder)
        assert (tmp_path / "current").readlink() == Path(target)
    assert dirs.names(folder) == ["current"]


def test_a_link_that_leads_nowhere_is_there(folder: int, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    assert dirs.exists("link", folder)
    assert not dirs.exists("nowhere", folder)
