from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import needs

from accredit.envoy import binary


def test_the_wheels_binary_is_found_and_runs() -> None:
    needs.envoy()
    found = binary.find()
    assert found is not None
    assert os.access(found, os.X_OK)


def test_the_users_choice_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCREDIT_ENVOY", "/opt/envoy/bin/envoy")
    assert binary.find() == Path("/opt/envoy/bin/envoy")
