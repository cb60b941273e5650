from __future__ import annotations

import os
from pathlib import Path

import pytest

from accredit.file_output.tell.pid_file import read_pid_file
from accredit.identity.errors import DeployError


def test_the_first_line_is_the_pid(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text("4242\n/var/lib/data\n1700000000\n")
    found = read_pid_file(path)
    assert (found.pid, found.uid) == (4242, os.geteuid())
    assert found.written == path.stat().st_mtime


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty; it should begin with a pid"),
        ("nginx\n", "does not begin with a pid"),
        ("-1\n", "does not begin with a pid"),
        ("99999999999\n", "does not begin with a pid"),
        ("9999999999\n", "does not begin with a pid"),
        ("2147483648\n", "does not begin with a pid"),
        ("0\n", "names process 0"),
        ("1\n", "names process 1,"),
        pytest.param(f"{os.getpid()}\n", "which is not the program", id="own"),
    ],
)
def test_what_no_signal_may_go_to_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "pid"
    path.write_text(text)
    with pytest.raises(DeployError, match=words):
        read_pid_file(path)


def test_a_file_that_is_missing_a_link_a_folder_or_open_to_others_is_refused(
    tmp_path: Path,
) -> None:
    path, link = tmp_path / "pid", tmp_path / "link"
    with pytest.raises(DeployError, match="is missing; the program does not run"):
        read_pid_file(path)
    path.write_text("4242\n")
    link.symlink_to(path)
    with pytest.raises(DeployError, match="cannot be read: too many levels of symbolic links"):
        read_pid_file(link)
    path.chmod(0o666)
    with pytest.raises(DeployError, match="can be written by others; chmod go-w it"):
        read_pid_file(path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DeployError, match="is not a regular file"):
        read_pid_file(tmp_path / "pipe")
