"""A program: the store of an output dies at every point of its life, and is looked at afterwards.

``output_deaths.py USER MEANS FOLDER`` lives in child processes, each of which dies a little later
than the one before: ``line`` and ``syscall`` by SIGKILL, ``byte`` by SIGXFSZ (``support.deaths``).
USER is ``self`` or ``other``: another user than root, whose umask takes everything away.

A life switches to a set, to another, rolls back, and repairs a file that was changed. It tells what
it has done. After each death another process looks first with its own eyes: what is current is one
whole set, that of the last step told or of the one after. Then a store opens the folder: nothing is
left behind, and life goes on. Prints how many died, and how often each set was found.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from support import other_user
from support.ca import TestCa
from support.clock import FakeClock
from support.deaths import AtByte, AtLine, AtSyscall, Death, Tell, checked, in_child
from support.file_sets import rendered

from accredit.file_output.fileset import FileSet
from accredit.file_output.layout import CURRENT, PREVIOUS, SETS
from accredit.file_output.store import Store, StoreSettings

_DISK = tuple(
    f"file_output/{name}.py"
    for name in ("dirs", "drift", "file_links", "folder", "leftovers", "set_writer", "store")
)
_SYSCALLS = (
    *("openat", "write", "fsync", "fchmod", "fchown", "fchmodat", "mkdirat", "symlinkat"),
    *("unlinkat", "unlink", "rmdir", "renameat", "rename", "flock"),
)
_LINKS = (".accredit.lock", CURRENT, PREVIOUS, SETS)
_CA = TestCa()
_SETS = {name: rendered(_CA) for name in ("a", "b", "c")}
# What is current after each step of a life.
_STEPS = ("a", "b", "a", "c")
_SETTINGS = StoreSettings(grace=timedelta())


def _opened(folder: Path) -> Store:
    return Store(folder / "out", FakeClock(), _SETTINGS)


def _live(folder: Path, tell: Tell) -> None:
    with _opened(folder) as store:
        store.switch(_SETS["a"])
        tell({"done": 0})
        store.switch(_SETS["b"])
        tell({"done": 1})
        assert store.roll_back()
        tell({"done": 2})
        store.switch(_SETS["c"])
        tell({"done": 3})
        (folder / "out/current/tls.key").chmod(0o640)
        (folder / "out/current/tls.crt").chmod(0o600)
        (folder / "out/current/tls.crt").write_bytes(_SETS["a"].files[0].content)
        tell({"broken": True})
        assert store.switch(_SETS["c"]).changed
        tell({"broken": False})


def _look_and_live_on(folder: Path, told: list[Any], report: Tell) -> None:
    found = _look(folder / "out", told)
    report({"found": found})
    with _opened(folder) as store:
        store.tidy()
        _check_nothing_is_left(folder / "out", _SETS["a"] if found else None)
        for name in ("b", "c"):
            store.switch(_SETS[name])
            assert _whole(folder / "out") == name
        _check_nothing_is_left(folder / "out", _SETS["c"])


def _look(out: Path, told: list[Any]) -> str:
    """Return which set is current; fail if it is none, or not one of those it may be."""
    steps = [each["done"] for each in told if "done" in each]
    broken = bool(told) and told[-1].get("broken", False)
    if not (out / CURRENT).exists():
        assert not steps
        return ""
    found = _whole(out, spoiled=broken or steps[-1:] == [3])
    assert found in {*_STEPS[steps[-1] if steps else 0 :][:2], *(_STEPS[:1] if not steps else ())}
    return found


def _whole(out: Path, *, spoiled: bool = False) -> str:
    """Return the name of the set whose files are there, each with its content and mode."""
    folder = out / (out / CURRENT).readlink()
    there = {
        path.name: (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in folder.iterdir()
    }
    for name, files in _SETS.items():
        if there == {file.name: (file.content, file.mode) for file in files.files}:
            return name
    # What this program itself spoils is repaired by a new set, or is as it was spoiled.
    assert spoiled, sorted(there)
    assert there.keys() == {file.name for file in _SETS["c"].files}
    return "c"


def _check_nothing_is_left(out: Path, files: FileSet | None) -> None:
    """There are the current set, the previous one, and links to their files."""
    there = {path.name for path in out.iterdir()}
    wanted = {*_LINKS, *(file.name for file in files.files)} if files else {*_LINKS}
    assert there <= wanted
    if files:
        assert there >= wanted - {PREVIOUS}
    linked = {(out / name).resolve() for name in (CURRENT, PREVIOUS) if (out / name).exists()}
    assert set((out / SETS).iterdir()) == linked
    assert stat.S_IMODE((out / SETS).stat().st_mode) == 0o755
    assert stat.S_IMODE(out.stat().st_mode) == 0o755


_MEANS: dict[str, list[Iterator[Death]]] = {
    "line": [map(partial(AtLine, _DISK, ()), count(0, 5))],
    "byte": [map(AtByte, count(0, 25))],
    "syscall": [map(partial(AtSyscall, name), count(1)) for name in _SYSCALLS],
}


def _as(user: str, work: Callable[[Tell], None]) -> Callable[[Tell], None]:
    def as_other(tell: Tell) -> None:
        other_user.become(umask=0o777)
        work(tell)

    return as_other if user == "other" else work


def _main(user: str, means: str, folder: Path) -> None:
    work = folder / "work"
    folder.chmod(0o755)
    deaths, found = 0, Counter[str]()
    for series in _MEANS[means]:
        for death in series:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            if user == "other":
                os.chown(work, other_user.UID, other_user.UID)
            status, told = in_child(_as(user, partial(_live, work)), death)
            assert status in {0, -signal.SIGKILL, -signal.SIGXFSZ}, status
            seen = checked(_as(user, partial(_look_and_live_on, work, told)))
            found.update(each["found"] for each in seen)
            if status == 0:
                break
            deaths += 1
    print(json.dumps({"deaths": deaths, "found": found}))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
