"""Where things are when nobody says: root's places and a user's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import ordinary_user

from accredit.agent import places


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for variable in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(variable, raising=False)
    return monkeypatch


def test_root_has_the_places_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/0")
    assert places.data_dir() == Path("/var/lib/accredit")
    assert places.socket() == Path("/run/accredit/public/api.sock")
    assert places.admin_socket() == Path("/run/accredit/private/admin.sock")


def test_a_user_has_places_of_its_own(user: pytest.MonkeyPatch) -> None:
    user.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    user.setenv("HOME", "/home/u")
    assert places.data_dir() == Path("/home/u/.local/state/accredit")
    assert places.socket() == Path("/run/user/1000/accredit/public/api.sock")
    assert places.admin_socket() == Path("/run/user/1000/accredit/private/admin.sock")
    user.setenv("XDG_STATE_HOME", "/state")
    assert places.data_dir() == Path("/state/accredit")


@pytest.mark.parametrize("value", ["", "relative/path"])
def test_a_user_without_places_has_to_name_them(user: pytest.MonkeyPatch, value: str) -> None:
    user.setenv("XDG_RUNTIME_DIR", value)
    user.setenv("HOME", value)
    with pytest.raises(ValueError, match="has no default here: XDG_RUNTIME_DIR is not set"):
        places.socket()
    with pytest.raises(ValueError, match="has no default here: XDG_RUNTIME_DIR is not set"):
        places.admin_socket()
    with pytest.raises(ValueError, match="has no default here: neither XDG_STATE_HOME nor HOME"):
        places.data_dir()


def test_the_configuration_is_the_named_one_the_local_one_or_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACCREDIT_CONFIG", raising=False)
    assert places.config_file() == Path("/etc/accredit/accredit.yaml")
    (tmp_path / "accredit.yaml").touch()
    assert places.config_file() == Path("accredit.yaml")
    monkeypatch.setenv("ACCREDIT_CONFIG", "/elsewhere.yaml")
    assert places.config_file() == Path("/elsewhere.yaml")


def test_what_cannot_be_looked_at_is_not_missing() -> None:
    with ordinary_user.acting() as folder:
        (folder / "there").touch()
        assert places.is_missing(folder / "none")
        assert not places.is_missing(folder / "there")
        folder.chmod(0)
        assert not places.is_missing(folder / "there")


def test_where_the_working_folder_cannot_be_entered_the_configuration_is_the_systems(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ACCREDIT_CONFIG", raising=False)
    with ordinary_user.acting() as folder:
        monkeypatch.chdir(folder)
        folder.chmod(0)
        assert places.config_file() == Path("/etc/accredit/accredit.yaml")
        monkeypatch.undo()
