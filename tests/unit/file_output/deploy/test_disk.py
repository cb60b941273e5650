from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.clock import FakeClock
from support.file_sets import marked

from accredit.file_output.deploy.disk import Disk
from accredit.file_output.fileset import FileSet
from accredit.file_output.store import Store, Switched


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "f", FakeClock()) as store:
        yield store


def disk(store: Store, tmp_path: Path) -> Disk:
    return Disk(store, tmp_path / "f", ())


def read(tmp_path: Path) -> str:
    return (tmp_path / "f/tls.crt").read_text()


async def test_going_back_leads_to_the_set_before(store: Store, tmp_path: Path) -> None:
    files = disk(store, tmp_path)
    old, new = marked("1"), marked("2")
    await files.switch(old)
    await files.switch(new)
    assert read(tmp_path) == "2 tls.crt\n"
    await files.go_back(old)
    assert read(tmp_path) == "1 tls.crt\n"


async def test_going_back_to_what_is_gone_writes_it_again(store: Store, tmp_path: Path) -> None:
    files = disk(store, tmp_path)
    for version in "123":
        await files.switch(marked(version))
    await files.go_back(marked("1"))
    assert read(tmp_path) == "1 tls.crt\n"


async def test_what_an_earlier_process_left_is_found(store: Store, tmp_path: Path) -> None:
    assert await disk(store, tmp_path).found() is None
    store.switch(marked("7"))
    store.close()
    found = await disk(store, tmp_path).found()
    assert found is not None
    assert found.version == "7"


async def test_what_cannot_be_used_is_as_good_as_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a file")
    assert await disk(store, tmp_path).found() is None


async def test_a_cancelled_switch_is_over_before_anybody_closes_the_store(tmp_path: Path) -> None:
    class Slow(Store):
        """Takes as long as a test wants."""

        begun, over = threading.Event(), threading.Event()

        def switch(self, wanted: FileSet) -> Switched:
            self.begun.set()
            self.over.wait(20)
            return super().switch(wanted)

    with Slow(tmp_path / "f", FakeClock()) as store:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(disk(store, tmp_path).switch(marked("1")))
            await asyncio.to_thread(store.begun.wait, 20)
            task.cancel()
            await asyncio.sleep(0.05)
            assert not task.done()
            store.over.set()
        assert task.cancelled()
        assert read(tmp_path) == "1 tls.crt\n"
