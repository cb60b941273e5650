"""A program that reads an output's files as fast as it can, and knows nothing of accredit.

``output_reader.py HOW FOLDER KNOWN STOP``: HOW is ``set``, which opens ``current`` once a round and
reads every file through that, or ``file``, which reads ``both.pem`` by its plain path. KNOWN is a
JSON file: for each set its files and their SHA-256. Ends when STOP exists; prints how many rounds
it made, which sets it saw, and the rounds in which what it read was no set.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

_FILES = 4  # of a set

Known = dict[str, dict[str, str]]


def _read(name: str, folder: int) -> str:
    descriptor = os.open(name, os.O_RDONLY, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _read_set(folder: Path) -> dict[str, str]:
    current = os.open(folder / "current", os.O_RDONLY | os.O_DIRECTORY)
    try:
        names = os.listdir(current)  # noqa: PTH208
        if len(names) < _FILES and not os.path.samestat(
            os.fstat(current), (folder / "current").stat()
        ):
            raise FileNotFoundError  # what was replaced meanwhile may be being removed
        return {name: _read(name, current) for name in names}
    finally:
        os.close(current)


def _read_file(folder: Path) -> dict[str, str]:
    return {"both.pem": hashlib.sha256((folder / "both.pem").read_bytes()).hexdigest()}


def _which(found: dict[str, str], known: Known) -> str | None:
    return next((name for name, files in known.items() if found.items() <= files.items()), None)


def _main(how: str, folder: Path, known: Known, stop: Path) -> None:
    read = _read_set if how == "set" else _read_file
    whole = set(map(frozenset, known.values())) if how == "set" else {frozenset({"both.pem"})}
    rounds, bad, gone, seen = 0, 0, 0, set()
    print("ready", flush=True)
    while not rounds or not stop.exists():
        rounds += 1
        try:
            found = read(folder)
        except FileNotFoundError:
            gone += 1
            continue
        name = _which(found, known)
        if name is None or frozenset(found) not in whole:
            bad += 1
        else:
            seen.add(name)
    print(json.dumps({"rounds": rounds, "bad": bad, "gone": gone, "seen": sorted(seen)}))


if __name__ == "__main__":
    _main(
        sys.argv[1], Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()), Path(sys.argv[4])
    )
