from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.clock import FakeClock
from support.file_sets import marked, names

from accredit.file_output import dirs
from accredit.file_output.fileset import FileSet
from accredit.file_output.layout import SetName
from accredit.file_output.store import Store, StoreSettings
from accredit.identity.errors import StoreError

GRACE = timedelta(seconds=30)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def store(path: Path, clock: FakeClock) -> Iterator[Store]:
    with Store(path, clock) as store:
        yield store


def read(path: Path, name: str = "tls.crt") -> str:
    return (path / name).read_text()


def everything(path: Path) -> set[str]:
    return {str(each.relative_to(path)) for each in path.rglob("*")}


def test_the_first_set_is_current_and_there_is_no_previous_one(store: Store, path: Path) -> None:
    switched = store.switch(marked("a"))
    assert (switched.name, switched.changed, switched.drift) == (SetName(1, "a"), True, ())
    assert store.current == SetName(1, "a")
    assert everything(path) == {
        *(".accredit.lock", "current", "sets", "sets/1.a", "sets/1.a/tls.crt", "sets/1.a/tls.key"),
        *("tls.crt", "tls.key"),
    }
    assert read(path) == read(path / "current") == "a tls.crt\n"


def test_before_the_first_set_there_is_no_current_one(store: Store, path: Path) -> None:
    assert store.current is None
    assert names(path) == [".accredit.lock", "sets"]


def test_a_new_version_makes_the_current_set_the_previous_one(store: Store, path: Path) -> None:
    store.switch(marked("a"))
    assert store.switch(marked("b")).name == SetName(2, "b")
    assert read(path) == "b tls.crt\n"
    assert read(path / "previous") == "a tls.crt\n"


def test_the_same_version_is_not_written_again(store: Store, path: Path) -> None:
    store.switch(marked("a"))
    before = (path / "current/tls.crt").stat()
    switched = store.switch(marked("a"))
    assert (switched.name, switched.changed) == (SetName(1, "a"), False)
    after = (path / "current/tls.crt").stat()
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


def test_the_same_version_is_not_written_again_by_the_next_process(
    store: Store, path: Path, clock: FakeClock
) -> None:
    store.switch(marked("a"))
    store.close()
    with Store(path, clock) as later:
        assert not later.switch(marked("a")).changed


def test_a_file_that_may_not_be_written_is_replaced_all_the_same(store: Store, path: Path) -> None:
    for version in ("a", "b", "c"):
        store.switch(marked(version, mode=0o444))
        assert read(path) == f"{version} tls.crt\n"
        assert stat.S_IMODE((path / "tls.crt").stat().st_mode) == 0o444


def test_a_changed_mode_is_put_right_without_a_new_set(store: Store, path: Path) -> None:
    store.switch(marked("a"))
    (path / "tls.key").chmod(0o666)
    switched = store.switch(marked("a"))
    assert not switched.changed
    assert switched.drift == ("tls.key: had mode 0666",)


def test_a_changed_file_is_put_right_by_a_new_set(store: Store, path: Path) -> None:
    store.switch(marked("0"))
    store.switch(marked("a"))
    (path / "tls.key").write_text("another")
    switched = store.switch(marked("a"))
    assert (switched.name, switched.changed) == (SetName(3, "a"), True)
    assert switched.drift == ("tls.key: was changed",)
    assert read(path, "tls.key") == "a tls.key\n"
    assert read(path / "previous") == "0 tls.crt\n"


def test_rolling_back_returns_to_the_set_before(store: Store, path: Path) -> None:
    store.switch(marked("a", "tls.crt", "old"))
    store.switch(marked("b", "tls.crt", "new"))
    assert store.roll_back() == SetName(1, "a")
    assert read(path) == "a tls.crt\n"
    assert "old" in names(path)
    assert "new" not in names(path)


def test_a_set_that_failed_is_never_rolled_back_to(store: Store, path: Path) -> None:
    store.switch(marked("good"))
    store.switch(marked("bad"))
    store.roll_back()
    assert store.roll_back() is None
    store.switch(marked("next"))
    assert store.roll_back() == SetName(1, "good")
    assert read(path) == "good tls.crt\n"


def test_a_set_that_was_spoiled_after_a_rollback_is_never_rolled_back_to(
    store: Store, path: Path
) -> None:
    store.switch(marked("good"))
    store.switch(marked("bad"))
    store.roll_back()
    (path / "tls.key").write_text("spoiled")
    assert store.switch(marked("good")).drift == ("tls.key: was changed",)
    assert store.roll_back() is None
    store.switch(marked("next"))
    store.roll_back()
    assert read(path, "tls.key") == "good tls.key\n"


def test_the_set_that_failed_can_be_tried_again(store: Store, path: Path) -> None:
    store.switch(marked("good"))
    store.switch(marked("bad"))
    store.roll_back()
    assert store.switch(marked("bad")).changed
    assert read(path) == "bad tls.crt\n"


def test_there_is_nothing_to_roll_back_to_before_the_second_set(store: Store, path: Path) -> None:
    assert store.roll_back() is None
    store.switch(marked("a"))
    assert store.roll_back() is None
    assert read(path) == "a tls.crt\n"


def test_whoever_opened_a_set_can_read_it_to_the_end(
    store: Store, path: Path, clock: FakeClock
) -> None:
    store.switch(marked("a"))
    reader = os.open(path / "current", os.O_RDONLY)
    try:
        for version in ("b", "c", "d"):
            store.switch(marked(version))
        clock.advance(GRACE - timedelta(seconds=1))
        store.tidy()
        assert sorted(dirs.names(reader)) == ["tls.crt", "tls.key"]
    finally:
        os.close(reader)
    clock.advance(GRACE)
    store.tidy()
    assert names(path / "sets") == ["3.c", "4.d"]


def test_what_a_dead_process_left_is_removed(path: Path, clock: FakeClock) -> None:
    with Store(path, clock) as store:
        store.switch(marked("a"))
        store.switch(marked("b"))
    for left in (".accredit.part/x", "sets/.accredit.part/x", "sets/9.c/x"):
        (path / left).parent.mkdir(parents=True)
        (path / left).write_text("a key")
    (path / ".accredit.link").symlink_to("sets/9.c")
    (path / "stale").symlink_to("current/stale")
    (path / "tls.key").unlink()
    with Store(path, clock, StoreSettings(grace=timedelta())) as store:
        assert store.current == SetName(2, "b")
    assert names(path) == [*(".accredit.lock", "current", "previous", "sets", "tls.crt", "tls.key")]
    assert names(path / "sets") == ["1.a", "2.b"]


def test_a_folder_that_was_removed_meanwhile_is_made_again(store: Store, path: Path) -> None:
    store.switch(marked("a"))
    shutil.rmtree(path)
    assert store.switch(marked("a")).changed
    assert read(path) == "a tls.crt\n"


@pytest.mark.parametrize("gone", ["sets", "sets/2.b", "current", "tls.crt"])
def test_a_part_that_was_removed_meanwhile_is_made_again(
    store: Store, path: Path, gone: str
) -> None:
    store.switch(marked("a"))
    store.switch(marked("b"))
    target = path / gone
    if target.is_symlink():
        target.unlink()
    else:
        shutil.rmtree(target)
    store.switch(marked("b"))
    assert read(path) == "b tls.crt\n"
    assert read(path, "current/tls.key") == "b tls.key\n"


def test_a_folder_replaced_by_a_link_meanwhile_is_refused(store: Store, path: Path) -> None:
    store.switch(marked("a"))
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")
    with pytest.raises(StoreError, match="out: is a symbolic link"):
        store.switch(marked("b"))
    assert read(path) == "a tls.crt\n"
    path.unlink()
    path.with_name("moved").rename(path)
    assert store.switch(marked("b")).changed


def test_a_folder_replaced_by_a_file_meanwhile_is_refused(store: Store, path: Path) -> None:
    store.switch(marked("a"))
    shutil.rmtree(path)
    path.write_text("")
    with pytest.raises(StoreError, match="out: not a directory; move away what is there"):
        store.switch(marked("b"))
    path.unlink()
    assert store.switch(marked("b")).changed


def test_the_folder_above_replaced_by_a_file_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    with Store(tmp_path / "above/out", clock) as store:
        store.switch(marked("a"))
        shutil.rmtree(tmp_path / "above")
        (tmp_path / "above").write_text("")
        with pytest.raises(StoreError, match="not a directory"):
            store.switch(marked("b"))


def test_a_file_of_somebody_else_is_not_overwritten(store: Store, path: Path) -> None:
    path.mkdir()
    (path / "tls.crt").write_text("theirs")
    with pytest.raises(StoreError, match=r"tls\.crt: is no link that accredit made; move it away"):
        store.switch(marked("a"))
    assert read(path) == "theirs"
    assert names(path / "sets") == []
    assert not (path / "current").exists()


def test_a_set_with_a_name_too_long_for_the_disk_changes_nothing(
    tmp_path: Path, clock: FakeClock
) -> None:
    store = Store(tmp_path / ("d" * 300), clock)
    with pytest.raises(StoreError, match="file name too long; choose a shorter path"):
        store.switch(marked("a"))
    assert names(tmp_path) == []


def test_a_set_without_files_takes_those_before_it_away(store: Store, path: Path) -> None:
    store.switch(marked("a"))
    store.switch(FileSet((), "none"))
    assert names(path / "current") == []
    assert names(path) == [".accredit.lock", "current", "previous", "sets"]
    assert not store.switch(FileSet((), "none")).changed


def test_closing_twice_is_no_mistake(store: Store) -> None:
    store.switch(marked("a"))
    store.close()
    store.close()
    assert store.current == SetName(1, "a")
