from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accredit.authority.path_watch import PathWatch, lookups

_SOON = 30.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "entries"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def watch(folder: Path) -> Iterator[PathWatch]:
    def files() -> list[Path]:
        return sorted(folder.glob("*.yaml"))

    with PathWatch(files, folder, lambda name: name.endswith(".yaml")) as found:
        yield found


async def _notices(watch: PathWatch, change: Callable[[], object]) -> None:
    """Fail unless the change is noticed, and unless a later one still would be."""
    watch.sync()
    change()
    async with asyncio.timeout(_SOON):
        await watch.changed()


def _write(path: Path, text: str = "x") -> None:
    path.write_text(text)


async def test_a_new_file_is_noticed(folder: Path, watch: PathWatch) -> None:
    await _notices(watch, lambda: _write(folder / "a.yaml"))


async def test_a_file_written_in_place_is_noticed(folder: Path, watch: PathWatch) -> None:
    _write(folder / "a.yaml")
    await _notices(watch, lambda: _write(folder / "a.yaml", "y"))


async def test_a_file_renamed_over_is_noticed(folder: Path, watch: PathWatch) -> None:
    _write(folder / "a.yaml")
    _write(folder / "a.tmp")
    await _notices(watch, lambda: (folder / "a.tmp").rename(folder / "a.yaml"))


async def test_a_removed_file_is_noticed(folder: Path, watch: PathWatch) -> None:
    _write(folder / "a.yaml")
    await _notices(watch, (folder / "a.yaml").unlink)


async def test_a_file_made_readable_is_noticed(folder: Path, watch: PathWatch) -> None:
    _write(folder / "a.yaml")
    (folder / "a.yaml").chmod(0)
    await _notices(watch, lambda: (folder / "a.yaml").chmod(0o644))


async def test_a_link_switched_as_kubernetes_does_is_noticed(
    folder: Path, watch: PathWatch
) -> None:
    for version in ("..1", "..2"):
        (folder / version).mkdir()
        _write(folder / version / "a.yaml", version)
    (folder / "..data").symlink_to("..1")
    (folder / "a.yaml").symlink_to("..data/a.yaml")

    def switch(version: str) -> None:
        (folder / "..data_tmp").symlink_to(version)
        (folder / "..data_tmp").rename(folder / "..data")

    await _notices(watch, lambda: switch("..2"))
    await _notices(watch, lambda: switch("..1"))


async def test_what_a_link_to_elsewhere_leads_to_is_watched(
    folder: Path, watch: PathWatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    _write(elsewhere / "real")
    (folder / "a.yaml").symlink_to(elsewhere / "real")
    await _notices(watch, lambda: _write(elsewhere / "real", "y"))


async def test_a_folder_that_comes_goes_and_comes_again_is_followed(
    folder: Path, watch: PathWatch
) -> None:
    shutil.rmtree(folder.parent)
    await _notices(watch, folder.parent.mkdir)
    await _notices(watch, folder.mkdir)
    await _notices(watch, lambda: _write(folder / "a.yaml"))
    await _notices(watch, lambda: shutil.rmtree(folder.parent))
    await _notices(watch, lambda: folder.mkdir(parents=True))
    await _notices(watch, lambda: _write(folder / "a.yaml"))


async def test_another_folder_moved_into_the_place_is_followed(
    folder: Path, watch: PathWatch, tmp_path: Path
) -> None:
    (tmp_path / "new" / "entries").mkdir(parents=True)

    def replace() -> None:
        folder.parent.rename(tmp_path / "old")
        (tmp_path / "new").rename(folder.parent)

    await _notices(watch, replace)
    await _notices(watch, lambda: _write(folder / "a.yaml"))


async def test_a_folder_reached_through_a_link_is_followed_when_the_link_is_switched(
    tmp_path: Path,
) -> None:
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
    link = tmp_path / "current"
    link.symlink_to("1")

    def switch() -> None:
        (tmp_path / "next").symlink_to("2")
        (tmp_path / "next").rename(link)

    with PathWatch(tuple, link, lambda name: name.endswith(".yaml")) as watch:
        await _notices(watch, lambda: _write(tmp_path / "1" / "a.yaml"))
        await _notices(watch, switch)
        await _notices(watch, lambda: _write(tmp_path / "2" / "a.yaml"))


async def test_one_file_is_watched_without_its_neighbours(tmp_path: Path) -> None:
    file = tmp_path / "accredit.yaml"
    with PathWatch(lambda: [file], None, lambda _: True) as watch:
        await _notices(watch, lambda: _write(file))
        watch.sync()
        _write(tmp_path / "neighbour.yaml")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await watch.changed()


async def test_a_folder_on_the_way_to_another_file_is_still_watched_itself(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    file = tmp_path / "sub" / "accredit.yaml"
    _write(tmp_path / "a.yaml")
    with PathWatch(lambda: [file], tmp_path, lambda name: name.endswith(".yaml")) as watch:
        await _notices(watch, lambda: _write(tmp_path / "a.yaml", "in place"))
        await _notices(watch, lambda: _write(file))


async def test_names_that_do_not_belong_are_not_noticed(folder: Path, watch: PathWatch) -> None:
    watch.sync()
    _write(folder / "a.yaml.swp")
    (folder / "a.yaml.swp").unlink()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await watch.changed()


async def test_a_burst_of_changes_is_noticed_once(folder: Path, watch: PathWatch) -> None:
    def save_as_some_editors_do() -> None:
        (folder / "a.yaml").rename(folder / "a.yaml~")
        _write(folder / "a.yaml", "new")

    _write(folder / "a.yaml")
    await _notices(watch, save_as_some_editors_do)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await watch.changed()


async def test_changes_without_a_pause_are_noticed_all_the_same(
    folder: Path, watch: PathWatch
) -> None:
    async def write_for_ever() -> None:
        while True:
            _write(folder / "a.yaml")
            await asyncio.sleep(0.005)

    watch.sync()
    async with asyncio.timeout(_SOON), asyncio.TaskGroup() as group:
        writer = group.create_task(write_for_ever())
        await watch.changed()
        writer.cancel()


async def test_a_lost_event_counts_as_a_change(folder: Path, watch: PathWatch) -> None:
    """The kernel drops events beyond its queue and says so."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 100_000:
        pytest.skip("the queue of this kernel is too long to fill")
    watch.sync()
    for _ in range(limit // 2 + 10):
        (folder / "a").mkdir()
        (folder / "a").rmdir()
    async with asyncio.timeout(30):
        await watch.changed()


def test_each_name_on_the_way_is_a_lookup_and_links_are_followed(tmp_path: Path) -> None:
    here = tmp_path.resolve()
    (here / "real").mkdir()
    (here / "link").symlink_to("real/../real")
    (here / "absolute").symlink_to(here / "link")
    found = [
        each for each in lookups(here / "absolute" / "file") if here in (each[0], each[0].parent)
    ]
    assert found == [
        (here, "absolute"),
        (here, "link"),
        (here, "real"),
        (here, "real"),
        (here / "real", "file"),
    ]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert len(list(lookups(tmp_path / "a"))) < 100


async def test_a_folder_that_cannot_be_watched_does_no_harm(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    with PathWatch(lambda: [folder / "loop" / "a.yaml"], folder, lambda _: True) as watch:
        await _notices(watch, lambda: _write(folder / "b.yaml"))


async def test_a_link_to_an_impossible_name_ends_nothing(folder: Path, watch: PathWatch) -> None:
    """Whoever may write into the folder makes such links; what they lead to is read by nobody."""
    (folder / "a.yaml").symlink_to("n" * 300)
    await _notices(watch, lambda: _write(folder / "b.yaml"))


async def test_a_folder_that_is_a_link_to_itself_ends_nothing(
    folder: Path, watch: PathWatch
) -> None:
    folder.rmdir()
    folder.symlink_to(folder)
    await _notices(watch, folder.unlink)
