"""A real Redis on files that rotate."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import recipes
from support.outputs import rotate_under_load
from support.redis import Redis

_ROTATIONS = 50


@pytest.mark.slow
async def test_fifty_rotations_under_load_fail_nobody(tmp_path: Path) -> None:
    redis = Redis(tmp_path, tmp_path / "files")
    await rotate_under_load(redis, redis.files, recipes.redis(redis), _ROTATIONS, say=b"PING\r\n")
