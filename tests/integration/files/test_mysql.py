"""A real MySQL and a real MariaDB on files that rotate."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import handshakes, recipes
from support.mysql import MAKES, Database
from support.outputs import rotate_under_load, with_group
from support.real_program import open_folder

from accredit.file_output.recipe import Recipe
from accredit.file_output.starttls import StartTls
from accredit.file_output.tell.command import Command

_ROTATIONS = 15


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


def recipe(server: Database) -> Recipe:
    """The profile with a login as the manual gives it, for a server that is not the system's."""
    known = server.make.profile.recipe
    assert isinstance(known.reload, Command)
    assert known.reload.argv[0] == server.make.client[-1].rpartition("/")[2]
    login = (*server.make.client, f"--defaults-extra-file={server.login}")
    return replace(
        with_group(known, grp.getgrgid(pwd.getpwnam(server.user).pw_gid).gr_name),
        reload=Command((*login, *known.reload.argv[1:])),
        verify=recipes.at(server, StartTls.MYSQL),
    )


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKES)
async def test_rotations_under_load_fail_nobody(make: str, folder: Path) -> None:
    server = Database(folder / "server", folder / "files", MAKES[make]())
    await rotate_under_load(
        server, server.files, recipe(server), _ROTATIONS, preface=handshakes.mysql
    )
