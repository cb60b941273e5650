"""A real Redis on files that rotate."""

from __future__ import annotations

import grp
import os
from dataclasses import replace
from pathlib import Path

import pytest
from support.outputs import rotate_under_load, with_group
from support.redis import Redis

from accredit.file_output.address import Address
from accredit.file_output.profiles.databases import REDIS
from accredit.file_output.recipe import Recipe
from accredit.file_output.tell.command import Command
from accredit.file_output.verify import Verify

_ROTATIONS = 50


def recipe(redis: Redis) -> Recipe:
    """The profile, for a Redis that is not the system's."""
    reload = REDIS.recipe.reload
    assert isinstance(reload, Command)
    return replace(
        with_group(REDIS.recipe, grp.getgrgid(os.getegid()).gr_name),
        reload=Command(
            tuple(
                word.replace("/run/redis/redis-server.sock", str(redis.socket))
                for word in reload.argv
            )
        ),
        verify=Verify((Address("127.0.0.1", redis.port),)),
    )


@pytest.mark.slow
async def test_fifty_rotations_under_load_fail_nobody(tmp_path: Path) -> None:
    redis = Redis(tmp_path, tmp_path / "files")
    await rotate_under_load(redis, redis.files, recipe(redis), _ROTATIONS, say=b"PING\r\n")
