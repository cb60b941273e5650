"""A real Prometheus, which reads its files at every handshake."""

from __future__ import annotations

import grp
import os
from dataclasses import replace
from pathlib import Path

import pytest
from support.outputs import rotate_under_load, with_group
from support.prometheus import Prometheus

from accredit.file_output.address import Address
from accredit.file_output.profiles.services import PROMETHEUS
from accredit.file_output.verify import Verify

_GET = b"GET /-/healthy HTTP/1.0\r\n\r\n"
_ROTATIONS = 30


@pytest.mark.slow
async def test_rotations_under_load_fail_nobody_and_nothing_is_reloaded(tmp_path: Path) -> None:
    files = tmp_path / "files"
    program = Prometheus(tmp_path, PROMETHEUS.lines.replace("{dir}", str(files)))
    recipe = replace(
        with_group(PROMETHEUS.recipe, grp.getgrgid(os.getegid()).gr_name),
        verify=Verify((Address("127.0.0.1", program.port),)),
    )
    await rotate_under_load(program, files, recipe, _ROTATIONS, say=_GET)
