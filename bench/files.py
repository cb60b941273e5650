"""How fresh each program is: from the switch of its files to the first handshake that shows them.

``python -m bench.files``, with ``tests`` on the path: the programs are those of the tests, and so
is the client, which connects anew all the time. Prints seconds by program, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support import handshakes, recipes
from support.apache import Apache
from support.haproxy import Haproxy
from support.nginx import Nginx
from support.outputs import rotate_under_load
from support.postgresql import Postgresql
from support.prometheus import Prometheus
from support.redis import Redis

from accredit.file_output.profiles.services import PROMETHEUS

_ROTATIONS = 50
_GET = {"say": b"GET / HTTP/1.0\r\n\r\n"}
Seconds = Coroutine[Any, Any, list[float]]


def _nginx(folder: Path, files: Path) -> Seconds:
    program = Nginx(folder, files)
    return rotate_under_load(program, files, recipes.nginx(program), _ROTATIONS, **_GET)


def _apache(folder: Path, files: Path) -> Seconds:
    program = Apache(folder, files)
    return rotate_under_load(program, files, recipes.apache(program), _ROTATIONS, **_GET)


def _haproxy_reload(folder: Path, files: Path) -> Seconds:
    program = Haproxy(folder, files)
    return rotate_under_load(program, files, recipes.haproxy_reload(program), _ROTATIONS, **_GET)


def _haproxy_runtime(folder: Path, files: Path) -> Seconds:
    program = Haproxy(folder, files)
    recipe = recipes.haproxy_runtime(program, recipes.haproxy_cli(program))
    return rotate_under_load(program, files, recipe, _ROTATIONS, **_GET)


def _postgresql(folder: Path, files: Path) -> Seconds:
    program = Postgresql(folder / "server", files, "")
    recipe, preface = recipes.postgresql(program), handshakes.postgresql
    return rotate_under_load(program, files, recipe, _ROTATIONS, preface=preface)


def _redis(folder: Path, files: Path) -> Seconds:
    program = Redis(folder, files)
    return rotate_under_load(program, files, recipes.redis(program), _ROTATIONS, say=b"PING\r\n")


def _prometheus(folder: Path, files: Path) -> Seconds:
    program = Prometheus(folder, PROMETHEUS.lines.replace("{dir}", str(files)))
    return rotate_under_load(program, files, recipes.prometheus(program), _ROTATIONS, **_GET)


_PROGRAMS: dict[str, Callable[[Path, Path], Seconds]] = {
    "nginx": _nginx,
    "Apache": _apache,
    "HAProxy, reload": _haproxy_reload,
    "HAProxy, runtime API": _haproxy_runtime,
    "PostgreSQL": _postgresql,
    "Redis": _redis,
    "Prometheus": _prometheus,
}


def main() -> None:
    """Measure each program that is installed."""
    found = {}
    for name, measure in _PROGRAMS.items():
        print(f"files: {name}", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="accredit-bench-") as folder:
            path = Path(folder)
            path.chmod(0o755)
            with suppress(pytest.skip.Exception):
                found[name] = asyncio.run(measure(path, path / "files"))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
