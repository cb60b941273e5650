"""Settings every test shares."""

from __future__ import annotations

import importlib
import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# Its fork handlers end some children that are started as another user. What we start ourselves must
# see to that alone, as agent/__init__.py does.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
importlib.import_module("grpc")
del os.environ["GRPC_ENABLE_FORK_SUPPORT"]

# A shell lets its background jobs ignore it, and what they start too.
signal.signal(signal.SIGINT, signal.default_int_handler)

_TESTS = Path(__file__).parent
_MARKED_FOLDERS = ("envoy", "interop")

# No deadlines: a shared machine is slow now and then. CI draws the same examples each time.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of tests/envoy and tests/interop the marker of their folder."""
    for item in items:
        folder = item.path.relative_to(_TESTS).parts[0]
        if folder in _MARKED_FOLDERS:
            item.add_marker(folder)
