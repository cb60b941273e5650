from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from support import ordinary_user

from accredit.agent.socket_path import MAX_PATH_BYTES, answers, listening, make_folder
from accredit.identity.errors import StoreError


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _leave_behind(path: Path) -> None:
    """Leave a socket as a process does that is killed."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()


def test_everybody_may_connect_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "run/public/api.sock"
    before = os.umask(0o077)
    try:
        with listening(path):
            assert _mode(path) == 0o666
            assert _mode(path.parent) == 0o755
            assert _mode(path.parent.parent) == 0o755
    finally:
        os.umask(before)


def test_a_parent_shared_with_a_private_folder_is_open_to_everybody(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with (
            listening(tmp_path / "run/private/admin.sock", mode=0o600, folder_mode=0o700),
            listening(tmp_path / "run/public/api.sock"),
        ):
            assert _mode(tmp_path / "run") == 0o755
            assert _mode(tmp_path / "run/private") == 0o700
    finally:
        os.umask(before)


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    with listening(tmp_path / "api.sock"):
        assert _mode(tmp_path) == 0o711


def test_the_path_is_free_again_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    for _ in range(2):
        with listening(path):
            assert answers(path)
        assert not path.exists()


def test_a_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    _leave_behind(path)
    assert not answers(path)
    with listening(path):
        assert answers(path)


def test_a_live_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with listening(path):
        with (
            pytest.raises(StoreError, match="another process is serving here; stop it or choose"),
            listening(path),
        ):
            pytest.fail("it was used")
        assert answers(path)


def test_one_whose_queue_is_full_is_alive(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(path))
        busy.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        try:
            for sock in waiting:
                sock.setblocking(False)
                sock.connect_ex(str(path))
            assert answers(path)
        finally:
            for sock in waiting:
                sock.close()


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    path.write_text("precious")
    with pytest.raises(StoreError, match="exists and is no socket; move it away"), listening(path):
        pytest.fail("it was used")
    assert path.read_text() == "precious"


def test_a_path_too_long_for_the_kernel_is_named(tmp_path: Path) -> None:
    path = tmp_path / ("x" * MAX_PATH_BYTES)
    with (
        pytest.raises(StoreError, match="longer than 107 bytes, the limit of Unix sockets"),
        listening(path),
    ):
        pytest.fail("it was used")


def test_the_longest_path_works(tmp_path: Path) -> None:
    path = tmp_path / ("x" * (MAX_PATH_BYTES - len(str(tmp_path)) - 1))
    with listening(path):
        assert answers(path)


def test_the_socket_of_a_successor_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with listening(path):
        path.unlink()
        _leave_behind(path)
    assert path.exists()


def test_a_parent_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with (
        pytest.raises(StoreError, match="run/public: cannot create this folder: not a directory"),
        listening(tmp_path / "run/public/api.sock"),
    ):
        pytest.fail("it was used")


def test_a_folder_that_cannot_even_be_looked_for_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot create this folder: file name too long"):
        make_folder(tmp_path / ("x" * 300), 0o700)


@pytest.mark.parametrize(
    ("mode", "path", "reason"),
    [
        (0o555, "api.sock", "/api.sock: cannot listen here"),
        (0o555, "run/api.sock", "/run: cannot create this folder"),
        (0, "api.sock", "/api.sock: cannot look here"),
        (0, "run/api.sock", "/run: cannot create this folder"),
    ],
)
def test_a_folder_that_is_not_ours_to_use_is_named(mode: int, path: str, reason: str) -> None:
    with ordinary_user.acting() as folder:
        folder.chmod(mode)
        told = f"{folder}{reason}: permission denied; let uid {os.geteuid()} do so, or choose"
        with pytest.raises(StoreError, match=told), listening(folder / path):
            pytest.fail("it was used")
