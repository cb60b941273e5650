from __future__ import annotations

from pathlib import Path

import pytest

from accredit.file_output.password_file import read_password
from accredit.identity.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("changeit")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("text", ["changeit", "changeit\n", "changeit\r\n"])
def test_the_password_is_without_the_end_of_its_line(file: Path, text: str) -> None:
    file.write_bytes(text.encode())
    assert read_password(str(file)) == "changeit"


def test_spaces_are_part_of_it(file: Path) -> None:
    file.write_text(" change it ")
    assert read_password(str(file)) == " change it "


def test_a_file_that_everybody_can_read_is_refused(file: Path) -> None:
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="password: holds a password and can be read by every"):
        read_password(str(file))


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone: cannot be read"):
        read_password(str(tmp_path / "gone"))


@pytest.mark.parametrize("text", ["", "\n", "short", "x" * 257])
def test_a_password_too_short_or_too_long_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match="expected a password of 6 to 256 characters"):
        read_password(str(file))


@pytest.mark.parametrize("text", ["changeit\nchangeit\n", "chängeit", "change\tit", "change\0it"])
def test_a_password_that_programs_would_read_differently_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match="on one line, in printable ASCII") as caught:
        read_password(str(file))
    assert text not in str(caught.value)
