"""``accredit envoy lint`` as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.bootstraps import FOLDER

_BAD = FOLDER / "bad/sds-turns-ready.yaml"
_WARNED = FOLDER / "bad/rbac-missing.yaml"
_GOOD = FOLDER / "good/sidecar.yaml"
_FIXABLE = FOLDER / "fixable/spire-tutorial-like.yaml"
Done = subprocess.CompletedProcess[str]


def _lint(*arguments: str | Path, text: str = "") -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "accredit", "envoy", "lint", *arguments],
        input=text,
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert "Traceback" not in done.stderr
    return done


def test_a_good_file_is_0_and_silent() -> None:
    done = _lint(_GOOD)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "0 errors, 0 warnings\n"


def test_an_error_is_1_and_one_line_with_its_place() -> None:
    done = _lint(_GOOD, _BAD)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"{_BAD}:")
    assert "initial_fetch_timeout: without its secret" in line
    assert line.endswith("; set initial_fetch_timeout: 0s [error sds-turns-ready]")


def test_a_warning_is_0_unless_it_is_taken_strictly() -> None:
    assert _lint(_WARNED).returncode == 0
    assert _lint(_WARNED, "--strict").returncode == 1
    assert "[warning rbac-missing]" in _lint(_WARNED).stdout


def test_standard_input_is_read_and_programs_are_told() -> None:
    done = _lint("-", "--output", "json", text=_BAD.read_text())
    assert done.returncode == 1
    (found,) = json.loads(done.stdout)["findings"]
    assert (found["file"], found["rule"], found["fixable"]) == ("-", "sds-turns-ready", True)


def test_cures_are_written_and_the_rest_is_told(tmp_path: Path) -> None:
    file = tmp_path / "envoy.yaml"
    file.write_text(_FIXABLE.read_text())
    file.chmod(0o640)
    done = _lint(file, "--fix")
    assert done.returncode == 0
    assert "admin.address.socket_address.address: fixed [error admin-exposed]" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("[warning rbac-missing]")
    assert file.stat().st_mode & 0o777 == 0o640
    once = file.read_text()
    again = _lint(file, "--fix", "--output", "json")
    assert json.loads(again.stdout)["fixed"] == []
    assert file.read_text() == once


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [\n")
    done = _lint(tmp_path / "missing", binary, broken, _BAD)
    assert done.returncode == 1
    assert f"{tmp_path}/missing: cannot be read: No such file or directory" in done.stderr
    assert f"{binary}: is not UTF-8 text" in done.stderr
    assert f"{broken}:2: is not YAML" in done.stderr
    assert "[error sds-turns-ready]" in done.stdout


@pytest.mark.parametrize("form", ["text", "json"])
def test_rules_are_listed(form: str) -> None:
    done = _lint("--rules", "--output", form)
    assert done.returncode == 0
    assert "validation-empty" in done.stdout


@pytest.mark.parametrize("wrong", [(), ("--fix", "-"), ("--output", "xml", "f")])
def test_wrong_use_is_2(wrong: tuple[str, ...]) -> None:
    assert _lint(*wrong).returncode == 2
