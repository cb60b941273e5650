"""What tests with sidecars share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.sidecar import world as worlds
from support.sidecar.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Return a world that the tests of one file share."""
    with worlds.running() as world:
        yield world
