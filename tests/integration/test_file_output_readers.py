"""Whoever reads while sets are switched sees one set, whole."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import memory
from support.ca import TestCa
from support.clock import FakeClock
from support.file_sets import contents, rendered

from accredit.file_output.fileset import FileSet
from accredit.file_output.store import Store

_READER = Path(__file__).parent / "output_reader.py"
_SWITCHES = 10_000
CA = TestCa()
SETS = [rendered(CA) for _ in range(3)]

Readers = dict[str, subprocess.Popen[str]]


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory.folder() as folder:
        yield folder


def digests(files: FileSet) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in contents(files).items()}


@contextmanager
def reading(folder: Path, *how: str) -> Iterator[dict[str, dict[str, Any]]]:
    """Let readers read meanwhile; afterwards the dictionary holds what each of them found."""
    (folder / "known").write_text(json.dumps({each.version: digests(each) for each in SETS}))
    command = [sys.executable, "-S", "-E", str(_READER)]
    places = [str(folder / name) for name in ("out", "known", "stop")]
    readers: Readers = {
        each: subprocess.Popen([*command, each, *places], stdout=subprocess.PIPE, text=True)
        for each in how
    }
    found: dict[str, dict[str, Any]] = {}
    try:
        for reader in readers.values():
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
        yield found
        (folder / "stop").touch()
        found.update(
            {each: json.loads(reader.communicate()[0]) for each, reader in readers.items()}
        )
    finally:
        for reader in readers.values():
            reader.kill()
            reader.wait()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_reader_ever_sees_a_torn_or_mixed_set_in_ten_thousand_switches(folder: Path) -> None:
    versions = sorted(each.version for each in SETS)
    with Store(folder / "out", FakeClock()) as store:
        store.switch(SETS[0])
        with reading(folder, "set", "file") as found:
            for number in range(1, _SWITCHES + 1):
                assert store.switch(SETS[number % len(SETS)]).changed
    for reader in found.values():
        assert reader["bad"] == 0
        assert reader["seen"] == versions
    # By its plain path a file is never missing; a set may go that was replaced 64 times meanwhile.
    assert found["file"]["gone"] == 0
    assert found["set"]["gone"] < found["set"]["rounds"]


@pytest.mark.parametrize("what", ["mixed", "torn", "missing"])
def test_the_reader_of_that_test_notices_what_is_no_set(folder: Path, what: str) -> None:
    with Store(folder / "out", FakeClock()) as store:
        store.switch(SETS[0])
    key = folder / "out/current/tls.key"
    if what == "mixed":
        key.write_bytes(contents(SETS[1])["tls.key"])
    elif what == "torn":
        key.write_bytes(key.read_bytes()[:-20])
    else:
        key.unlink()
    with reading(folder, "set") as found:
        pass
    assert found["set"]["rounds"] == found["set"]["bad"] > 0
