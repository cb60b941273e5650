"""A real Prometheus, which reads its files at every handshake."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import recipes
from support.outputs import rotate_under_load
from support.prometheus import Prometheus

from accredit.file_output.profiles.services import PROMETHEUS

_GET = b"GET /-/healthy HTTP/1.0\r\n\r\n"
_ROTATIONS = 30


@pytest.mark.slow
async def test_rotations_under_load_fail_nobody_and_nothing_is_reloaded(tmp_path: Path) -> None:
    files = tmp_path / "files"
    program = Prometheus(tmp_path, PROMETHEUS.lines.replace("{dir}", str(files)))
    await rotate_under_load(program, files, recipes.prometheus(program), _ROTATIONS, say=_GET)
