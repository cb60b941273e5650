from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support import mounts
from support.clock import FakeClock

from accredit.file_output.folder import Folder
from accredit.file_output.layout import CURRENT, PREVIOUS, SetName
from accredit.file_output.leftovers import Leftovers

GRACE = timedelta(seconds=30)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    found = Folder.open(tmp_path / "out", 0o755)
    yield found
    found.close()


def make(folder: Folder, *numbers: int) -> None:
    for number in numbers:
        (folder.path / SetName(number, "a").target).mkdir()


def numbers(folder: Folder) -> list[int]:
    return [name.number for name in folder.names()]


def test_the_current_and_the_previous_set_stay_for_ever(folder: Folder) -> None:
    make(folder, 1, 2)
    folder.point(PREVIOUS, SetName(1, "a"))
    folder.point(CURRENT, SetName(2, "a"))
    clock = FakeClock()
    leftovers = Leftovers(clock, GRACE)
    for _ in range(3):
        leftovers.remove(folder)
        clock.advance(timedelta(days=1))
    assert numbers(folder) == [1, 2]


def test_a_set_is_removed_when_its_grace_is_over_and_not_before(folder: Folder) -> None:
    make(folder, 1)
    clock = FakeClock()
    leftovers = Leftovers(clock, GRACE)
    leftovers.remove(folder)
    clock.advance(timedelta(seconds=20))
    make(folder, 2)
    leftovers.remove(folder)
    clock.advance(timedelta(seconds=10))
    leftovers.remove(folder)
    assert numbers(folder) == [2]
    clock.advance(GRACE)
    leftovers.remove(folder)
    assert numbers(folder) == []


def test_a_set_that_is_used_again_starts_anew(folder: Folder) -> None:
    make(folder, 1)
    clock = FakeClock()
    leftovers = Leftovers(clock, GRACE)
    leftovers.remove(folder)
    folder.point(CURRENT, SetName(1, "a"))
    clock.advance(GRACE)
    leftovers.remove(folder)
    (folder.path / CURRENT).unlink()
    leftovers.remove(folder)
    assert numbers(folder) == [1]


def test_however_many_there_are_the_disk_does_not_fill(folder: Folder) -> None:
    make(folder, *range(1, 101))
    Leftovers(FakeClock(), GRACE).remove(folder)
    assert numbers(folder) == list(range(37, 101))


def test_one_that_cannot_be_removed_is_logged_and_tried_again(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    make(folder, 1, 2)
    leftovers = Leftovers(FakeClock(), timedelta())
    with mounts.tmpfs(folder.path / "sets/1.a", size="64k"):
        leftovers.remove(folder)
        assert numbers(folder) == [1]
        assert "an old set of files cannot be removed" in caplog.text
    leftovers.remove(folder)
    assert numbers(folder) == []


def test_it_is_time_that_counts_and_not_the_number(folder: Folder) -> None:
    make(folder, 1, 2)
    folder.point(CURRENT, SetName(1, "a"))
    clock = FakeClock()
    leftovers = Leftovers(clock, GRACE)
    leftovers.remove(folder)
    (folder.path / CURRENT).unlink()
    clock.advance(GRACE)
    leftovers.remove(folder)
    assert numbers(folder) == [1]
