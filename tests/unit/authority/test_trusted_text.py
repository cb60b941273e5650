from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from support import needs

from accredit.authority.trusted_text import read_trusted
from accredit.identity.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "entries.yaml"
    path.write_text("entries: []\n")
    path.chmod(0o644)
    return path


def test_a_file_of_our_own_is_read(file: Path) -> None:
    assert read_trusted(file) == "entries: []\n"


def test_a_byte_order_mark_is_no_part_of_the_text(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfa: b")
    assert read_trusted(file) == "a: b"


def test_a_file_that_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: cannot be read: no such file"):
        read_trusted(tmp_path / "gone.yaml")


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="pipe: is not a regular file"):
        read_trusted(tmp_path / "pipe")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: is a directory"):
        read_trusted(tmp_path)


def test_a_file_that_every_user_can_write_is_refused(file: Path) -> None:
    file.chmod(0o646)
    with pytest.raises(ConfigError, match="can be written by every user; chmod o-w it"):
        read_trusted(file)


def test_a_file_that_its_group_can_write_is_logged(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.chmod(0o664)
    with caplog.at_level(logging.WARNING):
        read_trusted(file)
    assert "can be written by its group" in caplog.text


def test_root_refuses_a_file_that_another_group_can_write(file: Path) -> None:
    needs.root()
    os.chown(file, 0, 12345)
    file.chmod(0o664)
    with pytest.raises(ConfigError, match="can be written by group 12345; chmod g-w it"):
        read_trusted(file)


def test_a_file_of_another_user_is_refused(file: Path) -> None:
    needs.root()
    os.chown(file, 12345, 12345)
    with pytest.raises(ConfigError, match="belongs to uid 12345; give it to root or to our own"):
        read_trusted(file)


def test_bytes_that_are_no_text_are_a_mistake_with_their_line(file: Path) -> None:
    file.write_bytes(b"a: b\nc: \xff\n")
    with pytest.raises(ConfigError, match=r"entries\.yaml:2: is not UTF-8 text"):
        read_trusted(file)


def test_a_file_without_end_is_refused(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(8 * 1024 * 1024 + 1)
    with pytest.raises(ConfigError, match="is larger than 8388608 bytes"):
        read_trusted(file)
