"""kill -9 at any moment leaves the old set of files or the new one, whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import memory, needs

_HERE = Path(__file__).parent

pytestmark = [pytest.mark.slow]


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory.folder() as folder:
        yield folder


@pytest.mark.parametrize(
    ("user", "means", "deaths"),
    [
        ("self", "line", 300),
        ("self", "byte", 30),
        ("self", "syscall", 150),
        ("other", "syscall", 150),
    ],
)
def test_death_at_every_moment_leaves_one_whole_set(
    folder: Path, user: str, means: str, deaths: int
) -> None:
    """The program looks after each death: a whole set, nothing left behind, life goes on."""
    if means == "syscall":
        needs.program("strace", apt="strace")
    if user == "other":
        needs.root()
    # Measuring coverage writes files too, and those are not what it is to die of.
    environment = {key: value for key, value in os.environ.items() if "COVERAGE" not in key}
    found = subprocess.run(
        [sys.executable, _HERE / "output_deaths.py", user, means, folder],
        env={**environment, "PYTHONPATH": os.pathsep.join([str(_HERE.parent), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    result = json.loads(found.stdout)
    assert result["deaths"] >= deaths
    if means != "byte":  # the first set already dies of those
        assert set(result["found"]) == {"", "a", "b", "c"}
