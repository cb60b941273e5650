"""A configuration that somebody else could have written is not read."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from support import needs

from accredit.agent.config_file import read_config_text
from accredit.identity.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accredit.yaml"
    path.write_text("trust_domain: prod.example\n")
    path.chmod(0o644)
    return path


def test_a_file_of_ours_is_read(file: Path) -> None:
    assert read_config_text(file) == "trust_domain: prod.example\n"


@pytest.mark.rows("FC-35")
@pytest.mark.parametrize("mode", [0o666, 0o606, 0o777])
def test_a_file_that_every_user_can_write_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ConfigError, match=r"accredit\.yaml: can be written by every user; chmod"):
        read_config_text(file)


@pytest.mark.rows("FC-35")
def test_root_refuses_a_file_that_another_group_can_write(file: Path) -> None:
    needs.root()
    file.chmod(0o664)
    os.chown(file, 0, 12345)
    with pytest.raises(ConfigError, match="can be written by group 12345; chmod g-w it"):
        read_config_text(file)


def test_a_file_that_our_own_group_can_write_is_read_with_a_warning(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.chmod(0o664)
    os.chown(file, -1, os.getegid())
    with caplog.at_level(logging.WARNING):
        read_config_text(file)
    assert caplog.messages == ["configuration can be written by its group"]


@pytest.mark.rows("FC-35")
def test_a_file_of_another_user_is_refused(file: Path) -> None:
    needs.root()
    os.chown(file, 12345, 0)
    with pytest.raises(ConfigError, match="belongs to uid 12345; give it to root or to our own"):
        read_config_text(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: cannot be read: no such file"):
        read_config_text(tmp_path / "gone.yaml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: is a directory"):
        read_config_text(tmp_path)


def test_a_file_that_is_no_text_is_refused_with_the_line(file: Path) -> None:
    file.write_bytes(b"trust_domain: a\n# \xff\n")
    with pytest.raises(ConfigError, match=r"accredit\.yaml:2: is not UTF-8 text"):
        read_config_text(file)
