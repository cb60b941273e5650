from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from support import needs

from accredit.agent.private_folder import private_socket_path
from accredit.identity.errors import StoreError


def test_nobody_else_can_enter_the_folder(tmp_path: Path) -> None:
    with private_socket_path(tmp_path / "private") as path:
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    with private_socket_path(tmp_path) as path:
        path.touch()
    assert list(tmp_path.iterdir()) == []


def test_folders_of_processes_that_are_gone_are_removed(tmp_path: Path) -> None:
    left = tmp_path / "grpc-left"
    left.mkdir()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(left / "socket"))
        sock.listen()
    (tmp_path / "grpc-empty").mkdir()
    (tmp_path / "other").mkdir()
    with private_socket_path(tmp_path) as path:
        assert {each.name for each in tmp_path.iterdir()} == {"other", path.parent.name}


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    with private_socket_path(tmp_path) as first, socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(first))
        sock.listen()
        with private_socket_path(tmp_path) as second:
            assert first.exists()
            assert first != second


def test_a_folder_others_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    with (
        pytest.raises(StoreError, match="others may write here; chmod 0700"),
        private_socket_path(tmp_path),
    ):
        pytest.fail("it was used")


@pytest.mark.root
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    needs.root()
    os.chown(tmp_path, 54321, 54321)
    with (
        pytest.raises(StoreError, match="belongs to uid 54321; choose another folder"),
        private_socket_path(tmp_path),
    ):
        pytest.fail("it was used")


def test_a_path_too_long_for_the_kernel_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="longer than 107 bytes, the limit of Unix sockets"),
        private_socket_path(tmp_path / ("x" * 100)),
    ):
        pytest.fail("it was used")


def test_a_parent_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match="file/private: cannot create this folder: not a directory"),
        private_socket_path(tmp_path / "file/private"),
    ):
        pytest.fail("it was used")
