"""Bootstraps that people have looked at, and that a real Envoy takes without a word."""

from __future__ import annotations

import subprocess

import pytest
from support import golden, needs
from support.golden import Golden

_EVERY = list(golden.every())


@pytest.mark.parametrize("each", _EVERY, ids=str)
def test_the_bootstrap_is_the_one_that_was_looked_at(each: Golden) -> None:
    assert each.bootstrap.exists(), f"{each.bootstrap.name} is missing: make golden"
    generated = each.generate()
    assert each.bootstrap.read_text() == generated, "if the change is meant: make golden"


@pytest.mark.parametrize("each", _EVERY, ids=str)
def test_a_real_envoy_accepts_it_and_finds_nothing_deprecated(each: Golden) -> None:
    done = subprocess.run(
        [needs.envoy(), "--mode", "validate", "-c", each.bootstrap],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = [line for line in done.stderr.splitlines() if "[warning]" in line or "eprecat" in line]
    assert said == []


def test_no_bootstrap_is_left_of_a_file_that_has_gone() -> None:
    assert set(golden.FOLDER.glob("*.json")) == {each.bootstrap for each in _EVERY}
