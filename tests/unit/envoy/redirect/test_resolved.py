from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest
from support.redirect_sample import REDIRECT, intercepting, steering

from accredit.envoy.redirect.resolved import Resolved, resolve
from accredit.envoy.sidecar import Sidecar
from accredit.identity.errors import ConfigError

_FILE = """\
sidecar:
  redirect:
    users:
      - accredit-none
      - accredit-neither
    cgroups: [accredit-none.slice]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(_FILE)
    return path


def _sidecar(
    admin: str = "", *, users: tuple[str, ...] = ("54321",), cgroups: tuple[str, ...] = ()
) -> Sidecar:
    redirect = replace(REDIRECT, users=users, cgroups=cgroups)
    return replace(steering(intercepting("*:80"), redirect=redirect), admin_socket=admin)


def _mistakes(error: pytest.ExceptionInfo[ConfigError]) -> list[tuple[int | None, str]]:
    return [(each.line, each.key) for each in error.value.mistakes]


def test_all_users_that_there_are_not_are_told_by_line(file: Path) -> None:
    with pytest.raises(ConfigError, match="there is no user 'accredit-none' here") as error:
        resolve(file, _sidecar(users=("accredit-none", "accredit-neither")))
    assert _mistakes(error) == [
        (4, "sidecar.redirect.users[0]"),
        (5, "sidecar.redirect.users[1]"),
    ]


def test_a_cgroup_has_to_be_there_to_be_matched(file: Path) -> None:
    found = resolve(file, _sidecar(cgroups=("accredit-none.slice",)))
    assert "accredit-none.slice" in found.text
    with pytest.raises(ConfigError, match="start what runs in it first") as error:
        found.require_cgroups()
    assert _mistakes(error) == [(6, "sidecar.redirect.cgroups[0]")]


def test_a_sidecar_that_is_one_of_the_programs_is_a_mistake(file: Path, tmp_path: Path) -> None:
    admin = str(tmp_path / "admin.sock")
    own = resolve(file, _sidecar(admin, users=(str(tmp_path.stat().st_uid),)))
    others = resolve(file, _sidecar(admin))
    assert not own.require_sidecar_apart()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(admin)
        listener.listen()
        assert others.require_sidecar_apart()
        with pytest.raises(ConfigError, match="run it apart from the app") as error:
            own.require_sidecar_apart()
    assert _mistakes(error) == [(2, "sidecar.redirect")]


def test_a_file_without_a_redirect_has_no_rules(file: Path) -> None:
    with pytest.raises(ConfigError, match="is missing; expected the app's"):
        resolve(file, steering(redirect=None))


def test_text_and_table_are_the_sidecars(file: Path) -> None:
    found = resolve(file, _sidecar())
    assert isinstance(found, Resolved)
    assert found.table == "accredit_shop"
    assert found.text.startswith("table inet accredit_shop\n")
