from __future__ import annotations

import os
from pathlib import Path

import pytest

from accredit.agent.bundle_endpoint.key_file import read_key
from accredit.identity.errors import ConfigError


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "web.key"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_owner_and_group_may_read_a_key(key: Path, mode: int) -> None:
    key.chmod(mode)
    assert read_key(key) == b"secret"


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o660, 0o666])
def test_one_that_others_could_have_read_or_written_is_refused(key: Path, mode: int) -> None:
    key.chmod(mode)
    with pytest.raises(ConfigError, match=f"web.key: is open to others; run: chmod 600 {key}"):
        read_key(key)


def test_what_is_no_small_file_is_refused_without_waiting(tmp_path: Path, key: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="pipe: is not a regular file"):
        read_key(tmp_path / "pipe")
    key.write_bytes(b"x" * (1 << 17))
    with pytest.raises(ConfigError, match="of at most 65536 bytes"):
        read_key(key)
    with pytest.raises(ConfigError, match="none: cannot be read: no such file"):
        read_key(tmp_path / "none")
