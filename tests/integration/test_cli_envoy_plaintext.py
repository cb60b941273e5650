"""Who still speaks plaintext, as the operator of a migration asks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_FILE = """\
sidecar:
  trust_domain: prod.example
  admin: /run/web/admin.sock
  socket: /run/accredit/public/api.sock
  {log}
  inbound:
    - {{listen: 0.0.0.0:8443, app: 127.0.0.1:8080, allow: [/web], {mode}}}
"""
_PLAIN = {"security": "plaintext", "listener": "inbound_0", "from": "10.0.0.7:1", "time": "t"}


def _run(*arguments: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "accredit", "envoy", "plaintext", *arguments]
    return subprocess.run(
        command, input=text, check=False, capture_output=True, text=True, timeout=60
    )


def _file(folder: Path, log: str = "", mode: str = "mode: permissive, until: 2026-01-01") -> Path:
    file = folder / "web.yaml"
    file.write_text(_FILE.format(log=log, mode=mode))
    return file


def test_callers_are_listed_from_the_files_own_log_even_when_the_migration_is_over(
    tmp_path: Path,
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(json.dumps(_PLAIN).encode() + b"\n\xff\n")
    done = _run(_file(tmp_path, log=f"access_log: {log}"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:6] == ["ADDRESS", "LISTENER", "COUNT", "FIRST", "LAST", "PROGRAM"]
    assert "10.0.0.7" in done.stdout


def test_a_log_comes_from_standard_input_and_goes_to_programs(tmp_path: Path) -> None:
    text = json.dumps({"security": "mtls"}) + "\n" + json.dumps(_PLAIN) + "\n" + "x" * 1_000_000
    done = _run(_file(tmp_path), "--log", "-", "--output", "json", text=text)
    found = json.loads(done.stdout)
    assert found["mtls"] == 1
    assert [each["address"] for each in found["plaintext"]] == ["10.0.0.7"]


def test_when_nobody_does_it_says_so_and_until_when_it_may(tmp_path: Path) -> None:
    done = _run(_file(tmp_path), "--log", "-", text="{}")
    assert "nobody spoke plaintext in 1 lines" in done.stdout
    assert "until 2026-01-01" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "hand it over with --log"),
        (("--log", "/nowhere/access.log"), 1, "cannot be read: No such file"),
    ],
    ids=["no log", "unreadable log"],
)
def test_without_a_log_it_says_what_to_do(
    tmp_path: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = _run(_file(tmp_path), *arguments)
    assert done.returncode == code
    assert told in done.stderr
