"""A real nginx on files that rotate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.nginx import Nginx
from support.outputs import rotate_under_load

from accredit.file_output.address import Address
from accredit.file_output.profiles.web import NGINX
from accredit.file_output.recipe import Recipe
from accredit.file_output.tell.command import Command
from accredit.file_output.tell.signal import Signal
from accredit.file_output.verify import Verify

_GET = b"GET / HTTP/1.0\r\n\r\n"
ROTATIONS = 50


def recipe(nginx: Nginx) -> Recipe:
    """The profile, for an nginx that is not the system's."""
    validate = NGINX.recipe.validate
    assert isinstance(validate, Command)
    return replace(
        NGINX.recipe,
        validate=Command((*validate.argv, "-c", str(nginx.config))),
        reload=Signal(str(nginx.pid_file), program="nginx"),
        verify=Verify((Address("127.0.0.1", nginx.port),)),
    )


@pytest.mark.slow
async def test_fifty_rotations_under_load_fail_nobody(tmp_path: Path) -> None:
    nginx = Nginx(tmp_path, tmp_path / "files")
    await rotate_under_load(nginx, nginx.files, recipe(nginx), ROTATIONS, say=_GET)
