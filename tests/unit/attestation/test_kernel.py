from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fuse import fuse

from accredit.attestation.kernel import file_identity, is_on_fuse, owning_user_namespace


@pytest.fixture
def ourselves() -> Iterator[int]:
    descriptor = os.open("/proc/self", os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def test_the_identity_of_a_file_is_what_stat_says(ourselves: int) -> None:
    found = Path("/proc/self/exe").stat()
    assert file_identity(ourselves, "exe") == (found.st_dev, found.st_ino)


def test_a_file_that_is_not_there_is_an_os_error(ourselves: int) -> None:
    with pytest.raises(FileNotFoundError, match="No such file"):
        file_identity(ourselves, "nothing")


def test_a_file_on_disk_is_not_on_fuse(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        assert not is_on_fuse(descriptor)
    finally:
        os.close(descriptor)


def test_a_closed_descriptor_is_an_os_error() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        is_on_fuse(99_999)


def test_our_mount_namespace_is_owned_by_a_user_namespace() -> None:
    mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    try:
        owner = owning_user_namespace(mounts)
    except PermissionError:
        pytest.skip("our mounts belong to a user namespace above ours")
    finally:
        os.close(mounts)
    try:
        assert os.fstat(owner).st_dev == Path("/proc/self/ns/user").stat().st_dev
    finally:
        os.close(owner)


@pytest.mark.root
def test_a_file_system_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    with fuse(tmp_path) as server:
        program = os.open(tmp_path / "program", os.O_PATH)
        links = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
        try:
            asked = len(server.asked)
            found = os.fstat(program)
            assert len(server.asked) > asked  # this does ask
            asked, server.muted = len(server.asked), True
            assert file_identity(links, str(program)) == (found.st_dev, found.st_ino)
            assert len(server.asked) == asked
        finally:
            os.close(links)
            os.close(program)


@pytest.mark.root
def test_a_file_that_a_program_serves_is_on_fuse(tmp_path: Path) -> None:
    with fuse(tmp_path):
        program = os.open(tmp_path / "program", os.O_PATH)
        try:
            assert is_on_fuse(program)
        finally:
            os.close(program)
