"""What goes wrong with disks and users changes nothing, and is told with its cure."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import mounts, needs, ordinary_user
from support.clock import FakeClock
from support.deaths import Tell, checked
from support.file_sets import marked, names

from accredit.file_output.fileset import FileSet, RenderedFile
from accredit.file_output.store import Store
from accredit.identity.errors import StoreError

PAGE = 4096
KEPT = "the files that were there still are"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "disk").mkdir()
    with mounts.tmpfs(tmp_path / "disk", size="64k") as disk:
        yield disk


def check_only(out: Path, version: str) -> None:
    """Require the folder to hold that set alone, whole."""
    assert (out / "tls.crt").read_text().startswith(f"{version} tls.crt\n")
    assert (out / "tls.key").read_text().startswith(f"{version} tls.key\n")
    assert names(out) == [".accredit.lock", "current", "sets", "tls.crt", "tls.key"]
    (only,) = names(out / "sets")
    assert only.endswith(f".{version}")


def test_a_full_disk_changes_nothing_and_the_next_try_works(disk: Path) -> None:
    out = disk / "out"
    with Store(out, FakeClock()) as store:
        store.switch(marked("a"))
        for _ in range(3):
            with pytest.raises(StoreError, match=f"no space left on device; make room.*{KEPT}"):
                store.switch(marked("b", size=100_000))
            check_only(out, "a")
        mounts.remount(disk, "size=1m")
        assert store.switch(marked("b", size=100_000)).changed
        assert (out / "tls.key").stat().st_size > 100_000


@pytest.mark.parametrize("pages", range(6))
def test_wherever_the_disk_ends_it_is_all_or_nothing(disk: Path, pages: int) -> None:
    out = disk / "out"
    with Store(out, FakeClock()) as store:
        store.switch(marked("a", size=PAGE))
        space = os.statvfs(disk)
        (disk / "filler").write_bytes(b"x" * (space.f_bavail - pages) * space.f_frsize)
        try:
            store.switch(marked("b", size=PAGE))
        except StoreError:
            check_only(out, "a")
        else:
            assert pages >= 4
            assert (out / "tls.key").read_text().startswith("b tls.key\n")


@pytest.mark.parametrize("left", range(6))
def test_wherever_the_room_for_names_ends_it_is_all_or_nothing(tmp_path: Path, left: int) -> None:
    (tmp_path / "disk").mkdir()
    with mounts.tmpfs(tmp_path / "disk", size="1m", inodes=40) as disk:
        out = disk / "out"
        with Store(out, FakeClock()) as store:
            store.switch(marked("a"))
            for number in range(os.statvfs(disk).f_favail - left):
                (disk / f"filler{number}").touch()
            try:
                store.switch(marked("b"))
            except StoreError as error:
                assert "no space left on device" in str(error)  # noqa: PT017
                assert (out / "tls.crt").read_text() == "a tls.crt\n"
                assert names(out / "sets") == ["1.a"]
            else:
                assert left >= 4
                assert (out / "tls.crt").read_text() == "b tls.crt\n"


def test_a_disk_that_became_read_only_changes_nothing(disk: Path) -> None:
    out = disk / "out"
    with Store(out, FakeClock()) as store:
        store.switch(marked("a"))
    with Store(out, FakeClock()) as store:
        mounts.remount(disk, "ro")
        with pytest.raises(StoreError, match="read-only file system; mount it writable"):
            store.switch(marked("b"))
        check_only(out, "a")
        mounts.remount(disk, "rw")
        assert store.switch(marked("b")).changed


def test_a_file_system_mounted_over_the_folder_meanwhile_is_written_anew(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Store(out, FakeClock()) as store:
        store.switch(marked("a"))
        with mounts.tmpfs(out, size="64k"):
            assert store.switch(marked("a")).changed
            check_only(out, "a")
            store.close()


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_limit_on_the_size_of_files_changes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Store(out, FakeClock()) as store:
        store.switch(marked("a"))
        with file_size_limit(10), pytest.raises(StoreError, match="file too large; raise the lim"):
            store.switch(marked("b", size=100))
        check_only(out, "a")


def as_ordinary_user(out: Path, *sets: FileSet, umask: int = 0o022) -> dict[str, Any]:
    """Switch to each set as an ordinary user; return the last error or the modes."""

    def work(tell: Tell) -> None:
        ordinary_user.become(umask)
        try:
            with Store(out, FakeClock()) as store:
                for each in sets:
                    store.switch(each)
        except StoreError as error:
            tell({"error": str(error)})
        else:
            files = {path.name: path.stat() for path in (out / "current").iterdir()}
            tell({name: [stat.S_IMODE(it.st_mode), it.st_uid] for name, it in files.items()})

    (answer,) = checked(work)
    return dict(answer)


def owned(version: str, uid: int | None = None, gid: int | None = None) -> FileSet:
    return FileSet((RenderedFile("tls.key", version.encode(), 0o600, uid, gid),), version)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
@pytest.mark.parametrize("mode", [0o400, 0o444, 0o600, 0o644])
def test_an_ordinary_user_can_replace_files_that_nobody_may_write(umask: int, mode: int) -> None:
    with ordinary_user.folder() as home:
        sets = [marked(version, mode=mode) for version in ("a", "b", "c")]
        found = as_ordinary_user(home / "out", *sets, umask=umask)
        assert found == {name: [mode, ordinary_user.uid()] for name in ("tls.crt", "tls.key")}
        assert (home / "out/tls.crt").read_text() == "c tls.crt\n"
        assert as_ordinary_user(home / "out", sets[-1], umask=umask) == found


@pytest.mark.parametrize(("uid", "gid"), [(0, None), (None, 0), (1, 1)])
def test_only_root_can_give_files_away(uid: int | None, gid: int | None) -> None:
    with ordinary_user.folder() as home:
        found = as_ordinary_user(home / "out", owned("a"), owned("b", uid, gid))
        assert "tls.key: may not be given to uid" in found["error"]
        assert found["error"].endswith(
            "run accredit as root, or set owner and group to its user's own"
        )
        assert (home / "out/tls.key").read_text() == "a"
        assert names(home / "out/sets") == ["1.a"]


def test_its_own_user_and_group_may_be_named_by_anybody() -> None:
    with ordinary_user.folder() as home:
        found = as_ordinary_user(home / "out", owned("a", ordinary_user.uid(), ordinary_user.gid()))
        assert found == {"tls.key": [0o600, ordinary_user.uid()]}


def test_a_file_that_somebody_else_took_over_is_replaced_by_a_new_one() -> None:
    needs.root()
    with ordinary_user.folder() as home:
        as_ordinary_user(home / "out", owned("a"))
        os.chown(home / "out/current/tls.key", 0, 0)
        assert as_ordinary_user(home / "out", owned("a")) == {
            "tls.key": [0o600, ordinary_user.uid()]
        }


def test_a_folder_that_is_not_ours_to_write_is_told() -> None:
    with ordinary_user.folder() as home:
        (home / "closed").mkdir(mode=0o555)
        assert as_ordinary_user(home / "closed", owned("a"))["error"] == (
            f"{home}/closed/.accredit.lock: permission denied; "
            "run accredit as the user who owns it, or chown it"
        )


@pytest.mark.parametrize(("mode", "below"), [(0o555, "out"), (0o555, "a/out"), (0, "out")])
def test_a_folder_that_is_not_ours_to_make_is_told_with_where_it_was_to_be(
    mode: int, below: str
) -> None:
    with ordinary_user.folder() as home:
        (home / "closed").mkdir()
        (home / "closed").chmod(mode)
        out = home / "closed" / below
        assert as_ordinary_user(out, owned("a"))["error"] == (
            f"{out}: cannot be made: permission denied in {home}/closed; "
            f"make it and chown it to uid {ordinary_user.uid()}, or choose another folder"
        )
        (home / "closed").chmod(0o755)
        assert names(home / "closed") == []
