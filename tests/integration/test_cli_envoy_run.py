"""``accredit envoy validate``, and what ``accredit envoy run`` refuses before it starts one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import needs

_FILE = """\
sidecar:
  trust_domain: td.example
  socket: /run/api.sock
  admin: {folder}/s/admin.sock
  inbound:
    - listen: 127.0.0.1:8443
      app: 127.0.0.1:8080
      allow: [/web]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "s.yaml"
    path.write_text(_FILE.format(folder=tmp_path))
    return path


def accredit(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "accredit", "envoy", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **variables},
    )


def _program(folder: Path, script: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


def test_valid_files_are_told_with_envoys_version(file: Path) -> None:
    needs.envoy()
    done = accredit("validate", file, file)
    assert done.returncode == 0, done.stderr
    (one, other) = done.stdout.splitlines()
    assert one == other
    assert one.startswith(f"{file}: valid, Envoy 1.")


def test_one_file_with_mistakes_fails_and_the_others_are_checked_all_the_same(file: Path) -> None:
    needs.envoy()
    broken = file.with_name("broken.yaml")
    broken.write_text(file.read_text().replace("allow", "alow"))
    done = accredit("validate", broken, file)
    assert done.returncode == 1
    assert f"{broken}:" in done.stderr
    assert "alow" in done.stderr
    assert done.stdout.startswith(f"{file}: valid")


def test_what_only_envoy_refuses_is_told_in_its_words(file: Path) -> None:
    needs.envoy()
    file.write_text(file.read_text() + "  access_log: /nowhere/access.log\n")
    done = accredit("validate", file)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{file}: refused by Envoy: ")
    assert "/nowhere/access.log" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_envoy_that_crashes_over_a_file_is_told_as_such(file: Path, tmp_path: Path) -> None:
    crash = '[ "$1" = --version ] || kill -SEGV $$'
    done = accredit("validate", "--envoy", _program(tmp_path, crash), file)
    assert done.returncode == 1
    assert done.stderr == f"{file}: refused by Envoy: Envoy crashed (SIGSEGV) over it\n"


@pytest.mark.parametrize("command", ["validate", "run"])
def test_without_envoy_the_cure_is_told(file: Path, command: str) -> None:
    done = accredit(command, file, ACCREDIT_ENVOY="/nowhere/envoy")
    assert done.returncode == 1
    assert "/nowhere/envoy is no program that can be run: install Envoy or" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_with_mistakes_is_not_run(file: Path) -> None:
    needs.envoy()
    file.write_text(file.read_text().replace("allow", "alow"))
    done = accredit("run", file)
    assert done.returncode == 1
    assert f"{file}:" in done.stderr
    assert "alow" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_envoy_refuses_is_not_run_and_leaves_nothing(
    file: Path, tmp_path: Path
) -> None:
    needs.envoy()
    file.write_text(file.read_text() + "  access_log: /nowhere/access.log\n")
    done = accredit("run", file)
    assert done.returncode == 1
    assert "refused by Envoy" in done.stderr
    assert list((tmp_path / "s").iterdir()) == []


@pytest.mark.parametrize("argument", ["--base-id=1", "-c/x", "--restart-epoch"])
def test_what_the_command_chooses_cannot_be_passed_on(file: Path, argument: str) -> None:
    needs.envoy()
    done = accredit("run", file, "--", argument)
    assert done.returncode == 2
    assert "is for accredit to choose" in done.stderr


def test_a_run_folder_where_others_may_write_is_refused(file: Path, tmp_path: Path) -> None:
    needs.envoy()
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    done = accredit("run", file, "--run-dir", shared)
    assert done.returncode == 1
    assert "others may write here" in done.stderr
