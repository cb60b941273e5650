"""``accredit envoy bootstrap`` as a process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import needs, ordinary_user
from support.bootstrap_reading import found
from support.sidecar_text import whole

Done = subprocess.CompletedProcess[str]
_PLACES = "  socket: /run/agent.sock\n  admin: /run/web/admin.sock\n"


def _bootstrap(*arguments: str | Path, env: dict[str, str] | None = None) -> Done:
    command = [sys.executable, "-m", "accredit", "envoy", "bootstrap", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=env)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(whole() + _PLACES)
    return path


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_printed_is_the_bootstrap_alone(file: Path, form: str) -> None:
    done = _bootstrap(file, "--format", form)
    assert (done.returncode, done.stderr) == (0, "")
    read: Any = {"yaml": yaml.safe_load, "json": json.loads}[form]
    assert read(done.stdout)["node"] == {"id": "web", "cluster": "web"}
    target = file.with_suffix(f".envoy.{form}")
    target.write_text(done.stdout)
    checked = subprocess.run(
        [needs.envoy(), "--mode", "validate", "-c", target], check=False, capture_output=True
    )
    assert checked.returncode == 0, checked.stderr


def test_a_warning_never_mixes_with_the_bootstrap(file: Path) -> None:
    until = datetime.now(UTC).date() + timedelta(days=30)
    text = file.read_text().replace("allow: /web", f"allow: /web, mode: permissive, until: {until}")
    file.write_text(text)
    done = _bootstrap(file)
    assert done.returncode == 0
    assert yaml.safe_load(done.stdout)["admin"]
    assert done.stderr.startswith(f"warning: {file}: inbound[0] (0.0.0.0:8443) serves plaintext")
    assert str(until) in done.stderr


def test_spires_agent_is_asked_in_its_own_way(file: Path) -> None:
    done = _bootstrap(file, "--profile", "spire", "--format", "json")
    assert done.returncode == 0
    assert set(found(json.loads(done.stdout), "api_type")) == {"GRPC"}


def test_every_mistake_is_told_and_nothing_is_printed(file: Path) -> None:
    file.write_text(whole("inbound: [{listen: 8443, app: a, allow: '*'}]") + _PLACES + "  x: 1\n")
    done = _bootstrap(file)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.removeprefix("Error: ").splitlines()
    assert [line.rpartition(f"{file}:")[2].partition(": ")[0] for line in lines] == [
        "3",
        "3",
        "3",
        "6",
    ]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "Missing argument 'FILE'"),
        (("/nowhere/web.yaml",), 1, "/nowhere/web.yaml: cannot be read: no such file"),
        (("/",), 1, "/: cannot be read: is a directory"),
        (("web.yaml", "--profile", "istio"), 2, "'istio' is not one of"),
        (("web.yaml", "--format", "toml"), 2, "'toml' is not one of"),
    ],
)
def test_wrong_use_is_told(arguments: tuple[str, ...], code: int, told: str) -> None:
    done = _bootstrap(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_may_come_through_a_pipe(file: Path) -> None:
    with file.open("rb") as stdin:
        command = [sys.executable, "-m", "accredit", "envoy", "bootstrap", "/dev/stdin"]
        done = subprocess.run(command, stdin=stdin, check=False, capture_output=True, timeout=60)
    assert done.returncode == 0
    assert yaml.safe_load(done.stdout)["node"]["id"] == "stdin"


def _as_ordinary_user(file: Path, **variables: str) -> Done:
    command, how = ordinary_user.python("-m", "accredit", "envoy", "bootstrap", file)
    how["env"] |= variables
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, **how)


def test_a_user_without_a_runtime_folder_is_told_to_name_places() -> None:
    with ordinary_user.folder() as folder:
        file = folder / "web.yaml"
        file.write_text(whole())
        done = _as_ordinary_user(file)
        assert done.returncode == 1
        for key in ("socket", "admin"):
            assert re.search(
                f"'{key}' is missing; .* by default below XDG_RUNTIME_DIR", done.stderr
            )
        file.write_text(whole() + _PLACES)
        done = _as_ordinary_user(file)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_is_not_ours_to_read_is_told() -> None:
    with ordinary_user.folder() as folder:
        file = folder / "web.yaml"
        file.write_text(whole())
        file.chmod(0)
        done = _as_ordinary_user(file)
        assert done.returncode == 1
        assert f"{file}: cannot be read: permission denied" in done.stderr


def test_a_user_with_a_runtime_folder_has_places_there() -> None:
    with ordinary_user.folder() as folder:
        file = folder / "web.yaml"
        file.write_text(whole())
        done = _as_ordinary_user(file, XDG_RUNTIME_DIR="/run/user/7")
    admin = yaml.safe_load(done.stdout)["admin"]["address"]["pipe"]["path"]
    assert admin == "/run/user/7/sidecar-web/admin.sock"
