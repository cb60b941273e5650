"""A real nginx on files that rotate."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import recipes
from support.nginx import Nginx
from support.outputs import rotate_under_load

_GET = b"GET / HTTP/1.0\r\n\r\n"
ROTATIONS = 50


@pytest.mark.slow
async def test_fifty_rotations_under_load_fail_nobody(tmp_path: Path) -> None:
    nginx = Nginx(tmp_path, tmp_path / "files")
    await rotate_under_load(nginx, nginx.files, recipes.nginx(nginx), ROTATIONS, say=_GET)
