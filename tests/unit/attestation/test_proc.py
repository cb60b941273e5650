from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accredit.attestation import proc

STATUS = (
    b"Name:\tx\nUid:\t1000\t1001\t1002\t1003\nGid:\t5\t6\t7\t8\nGroups:\t4 24 1000 \nNStgid:\t1\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def test_the_start_time_is_the_twenty_second_field() -> None:
    rest = b" ".join(b"%d" % number for number in range(4, 53))
    assert proc.parse_start_time(b"17 (name) S " + rest) == 22


def test_a_program_cannot_choose_its_start_time_by_its_name() -> None:
    rest = b" ".join(b"%d" % number for number in range(4, 53))
    name = b"17 (x) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 99 (y) S " + rest
    assert proc.parse_start_time(name) == 22


def test_a_stat_without_start_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no start time in stat"):
        proc.parse_start_time(b"17 (name) S 1 2 3")


def test_ids_are_real_effective_saved_and_of_the_file_system() -> None:
    ids = proc.parse_ids(STATUS)
    assert ids.uids == (1000, 1001, 1002, 1003)
    assert ids.gids == (5, 6, 7, 8)
    assert ids.groups == (4, 24, 1000)


def test_no_groups_are_no_groups() -> None:
    assert proc.parse_ids(STATUS.replace(b"4 24 1000", b"")).groups == ()


@pytest.mark.parametrize("missing", [b"Uid:", b"Gid:"])
def test_a_status_without_ids_is_refused(missing: bytes) -> None:
    with pytest.raises(ValueError, match="no user and group ids in status"):
        proc.parse_ids(STATUS.replace(missing, b"Xid:"))


def test_a_program_cannot_choose_its_ids_by_its_name() -> None:
    name = b"Name:\tx\\nUid:\t0\t0\t0\t0\\nGid:\t0\t0\t0\t0\n"
    assert proc.parse_ids(name + STATUS).uids == (1000, 1001, 1002, 1003)


def test_our_own_files_are_read() -> None:
    folder = os.open("/proc/self", os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert proc.parse_ids(proc.read(folder, "status")).uids[1] == os.geteuid()
        assert proc.parse_start_time(proc.read(folder, "stat")) > 0
    finally:
        os.close(folder)


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path, folder: int) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    assert proc.read(folder, "file", limit=100_000) == b"x" * 100_000


def test_a_longer_file_is_refused(tmp_path: Path, folder: int) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100_001)
    with pytest.raises(ValueError, match="file is longer than 100000 bytes"):
        proc.read(folder, "file", limit=100_000)


@given(st.binary(max_size=400))
def test_no_content_raises_anything_but_value_error(data: bytes) -> None:
    for parse in (proc.parse_ids, proc.parse_start_time):
        with suppress(ValueError):
            parse(data)
