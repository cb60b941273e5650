"""What must be on the disk before the next step is: a power cut cannot be had in a test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from support import needs

_PROGRAM = """
import sys
from pathlib import Path
from support.clock import FakeClock
from support.file_sets import marked
from accredit.file_output.store import Store
with Store(Path(sys.argv[1]), FakeClock()) as store:
    store.switch(marked("a"))
    store.switch(marked("b"))
"""
_CALL = re.compile(r'(fsync|renameat)\(\d+<([^>]*)>(?:, "([^"]*)", \d+<[^>]*>, "([^"]*)")?')


def _calls(out: Path, log: Path) -> list[str]:
    """Return what was brought to the disk and what was renamed, in order, below ``out``."""
    strace = needs.program("strace", apt="strace")
    command: list[str | Path] = [strace, "-y", "-f", "-e", "trace=fsync,renameat", "-o", log]
    subprocess.run(
        [*command, sys.executable, "-c", _PROGRAM, out],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )
    calls = (_CALL.search(line) for line in log.read_text().splitlines())
    return [_shown(call, out) for call in calls if call and call[2].startswith(str(out))]


def _shown(call: re.Match[str], out: Path) -> str:
    place = os.path.relpath(call[2], out)
    return f"sync {place}" if call[1] == "fsync" else f"{place}: {call[3]} -> {call[4]}"


def test_each_step_is_on_the_disk_before_the_next_one_relies_on_it(tmp_path: Path) -> None:
    calls = _calls(tmp_path / "out", tmp_path / "log")
    start = calls.index("sets: .accredit.part -> 2.b") - 3
    assert calls[start:] == [
        "sync sets/.accredit.part/tls.crt",
        "sync sets/.accredit.part/tls.key",
        "sync sets/.accredit.part",
        "sets: .accredit.part -> 2.b",
        "sync sets",
        ".: .accredit.link -> previous",
        "sync .",
        ".: .accredit.link -> current",
        "sync .",
    ]
