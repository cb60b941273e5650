"""A real Prometheus, which reads its files at every handshake."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import recipes
from support.outputs import rotate_under_load
from support.prometheus import Prometheus

from accredit.file_output.profiles.services import PROMETHEUS

_GET = b"GET /-/healthy HTTP/1.0\r\n\r\n"
# At every handshake it opens the paths of certificate and key one after the other, and refuses what
# does not fit together: the switch came in between. That there is one whole set is for those to see
# who read through the folder; of a program that only takes paths, the next handshake has to do.
_IN_BETWEEN = "TLSV1_ALERT_INTERNAL_ERROR"
_ROTATIONS = 30


@pytest.mark.slow
async def test_rotations_under_load_fail_nobody_twice_and_nothing_is_reloaded(
    tmp_path: Path,
) -> None:
    files = tmp_path / "files"
    program = Prometheus(tmp_path, PROMETHEUS.lines.replace("{dir}", str(files)))
    recipe = recipes.prometheus(program)
    await rotate_under_load(program, files, recipe, _ROTATIONS, say=_GET, again=_IN_BETWEEN)
