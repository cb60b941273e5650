"""kill -9 at any moment of an embedded authority's life loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import memory, needs

_HERE = Path(__file__).parent
_ALL = {"active", "active+prepared", "old+active"}

pytestmark = [pytest.mark.slow]


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory.folder() as folder:
        yield folder


@pytest.mark.parametrize(
    ("scenario", "means", "deaths", "left"),
    [
        ("first-start", "line", 200, {"active"}),
        ("first-start", "byte", 20, {"active"}),
        ("first-start", "syscall", 50, {"active"}),
        ("scheduled", "line", 300, _ALL),
        ("scheduled", "byte", 20, _ALL),
        ("forced", "syscall", 50, _ALL),
        ("forced", "byte", 20, _ALL),
    ],
)
def test_death_at_every_moment_leaves_the_same_authority(
    folder: Path, scenario: str, means: str, deaths: int, left: set[str]
) -> None:
    """The program looks after each death: same roots, all SVIDs verify, life goes on."""
    if means == "syscall":
        needs.program("strace", apt="strace")
    result = _ran("embedded_deaths.py", scenario, means, folder)
    assert result["deaths"] >= deaths
    assert set(result["left"]) == left


def test_death_while_keys_are_sealed_or_unsealed_leaves_the_same_keys(folder: Path) -> None:
    """The program looks after each death; the next start finishes the move, or undoes it."""
    deaths = _ran("sealing_deaths.py", folder)
    assert deaths["PLAIN-SEALED"] >= 40
    assert deaths["SEALED-PLAIN"] >= 40
    assert deaths["SEALED-SEALED"] >= 20


def _ran(program: str, *arguments: str | Path) -> Any:
    # Measuring coverage writes files too, and those are not what it is to die of.
    environment = {key: value for key, value in os.environ.items() if "COVERAGE" not in key}
    found = subprocess.run(
        [sys.executable, _HERE / program, *arguments],
        env={**environment, "PYTHONPATH": os.pathsep.join([str(_HERE.parent), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)
