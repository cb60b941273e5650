"""A real MariaDB on files that rotate."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import handshakes
from support.mariadb import Mariadb
from support.outputs import rotate_under_load, with_group
from support.real_program import open_folder

from accredit.file_output.address import Address
from accredit.file_output.profiles.databases import MARIADB
from accredit.file_output.recipe import Recipe
from accredit.file_output.starttls import StartTls
from accredit.file_output.tell.command import Command
from accredit.file_output.verify import Verify

_ROTATIONS = 15


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


def recipe(server: Mariadb) -> Recipe:
    """The profile, for a server that is not the system's."""
    reload = MARIADB.recipe.reload
    assert isinstance(reload, Command)
    client = ("--no-defaults", f"--socket={server.socket}", "--user=root")
    return replace(
        with_group(MARIADB.recipe, grp.getgrgid(pwd.getpwnam(server.user).pw_gid).gr_name),
        reload=Command((reload.argv[0], *client, *reload.argv[1:])),
        verify=Verify((Address("127.0.0.1", server.port),), starttls=StartTls.MYSQL),
    )


@pytest.mark.slow
async def test_rotations_under_load_fail_nobody(folder: Path) -> None:
    server = Mariadb(folder / "server", folder / "files")
    await rotate_under_load(
        server, server.files, recipe(server), _ROTATIONS, preface=handshakes.mysql
    )
