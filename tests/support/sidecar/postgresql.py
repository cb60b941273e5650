"""A real PostgreSQL server in a folder of its own, and its client."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accredit.envoy.address import Endpoint
from support import needs
from support.eventually import wait_until


@contextlib.contextmanager
def serving(at: Endpoint) -> Iterator[None]:
    """Serve the database ``postgres`` to the user ``app``, who needs no password."""
    programs, how = needs.postgresql(), _as_its_user()
    folder = Path(tempfile.mkdtemp(prefix="accredit-"))
    if how:
        shutil.chown(folder, "postgres")
    init: list[str | Path] = [
        programs / "initdb",
        "-D",
        folder / "data",
        "-A",
        "trust",
        "-U",
        "app",
        "-N",
    ]
    start: list[str | Path] = [
        programs / "postgres",
        "-D",
        folder / "data",
        "-h",
        at.host,
        "-p",
        str(at.port),
        "-F",
    ]
    try:
        subprocess.run(init, check=True, capture_output=True, cwd="/", **how)
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(
                [*start, "-k", folder], stdout=log, stderr=log, cwd="/", **how
            ) as process,
        ):
            try:
                wait_until(lambda: psql(at, "select 1").returncode == 0, 60, "PostgreSQL answers")
                yield
            finally:
                process.terminate()
    finally:
        shutil.rmtree(folder)


def command(at: Endpoint, *more: str) -> list[str | Path]:
    """Return psql's command line; no TLS of PostgreSQL's own."""
    psql_path = needs.program("psql", apt="postgresql")
    where = f"host={at.host} port={at.port} user=app dbname=postgres sslmode=disable"
    return [psql_path, where, "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", *more]


def psql(at: Endpoint, sql: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run one command."""
    return subprocess.run(
        command(at, "-c", sql), input=given, capture_output=True, check=False, timeout=60
    )


def _as_its_user() -> dict[str, Any]:
    """Return how to become who may run it: root may not."""
    if os.geteuid() != 0:
        return {}
    return {"user": "postgres", "group": "postgres", "extra_groups": []}
