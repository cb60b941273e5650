"""``accredit run`` and its like for an ordinary user, where nothing is said of places."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import ordinary_user
from support.sidecar_text import whole

_CONFIG = f"""\
trust_domain: prod.example
entries:
  - id: /me
    selectors: ["unix:uid:{ordinary_user.uid()}"]
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with ordinary_user.folder() as home:
        for file in ("accredit.yaml", "web.yaml"):
            (home / file).write_text(whole() if file == "web.yaml" else _CONFIG)
            ordinary_user.give(home / file)
        yield home


def accredit(home: Path, *arguments: str, **more: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in that user's home."""
    command, how = ordinary_user.python("-m", "accredit", *arguments)
    how["env"] |= {"HOME": str(home), **{name: str(value) for name, value in more.items()}}
    how["cwd"] = home
    return subprocess.run(command, **how, check=False, capture_output=True, text=True, timeout=60)


def test_without_a_word_they_are_that_users_own(home: Path) -> None:
    (home / "run").mkdir(mode=0o755)
    ordinary_user.give(home / "run")
    command, how = ordinary_user.python("-m", "accredit", "run")
    how["env"] |= {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")}
    how["cwd"] = home
    with started(command, how, home) as log:
        assert (home / ".local/state/accredit/authority").is_dir()
        endpoint = f"unix://{home}/run/accredit/public/api.sock"
        done = accredit(home, "api", "fetch", "x509", SPIFFE_ENDPOINT_SOCKET=endpoint)
        assert "spiffe://prod.example/me" in done.stdout, done.stderr + log.read_text()
        done = accredit(home, "status", XDG_RUNTIME_DIR=home / "run")
        assert f"{home}/.local/state/accredit" in done.stdout, done.stderr


def test_where_there_are_none_it_is_told_to_name_them(home: Path) -> None:
    done = accredit(home, "run", HOME="")
    assert done.returncode == 1
    assert "has no default here: neither XDG_STATE_HOME nor HOME is set; set it" in done.stderr
    assert "has no default here: XDG_RUNTIME_DIR is not set; set it" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("mode", [0, 0o555])
@pytest.mark.parametrize("command", [["run"], ["envoy", "run", "web.yaml"]])
def test_where_they_are_anothers_it_is_told_in_a_line_each(
    home: Path, mode: int, command: list[str]
) -> None:
    """As after su, which may leave XDG_RUNTIME_DIR as it was."""
    (home / "run").mkdir()
    (home / "run").chmod(mode)
    done = accredit(home, *command, XDG_RUNTIME_DIR=home / "run")
    assert done.returncode == 1
    told = f"cannot create this folder: permission denied; let uid {ordinary_user.uid()} do so, or"
    lines = done.stderr.splitlines()
    assert lines
    for line in lines:
        assert re.search(f"cannot go on error=.{home}/run/.*: {told}", line)
    assert len(lines) == len(set(lines)) <= 3


@pytest.mark.parametrize("command", [["check"], ["status"], ["entry", "list"], ["tpm", "show"]])
def test_in_a_folder_that_may_not_be_entered_there_is_no_configuration(
    home: Path, command: list[str]
) -> None:
    """As after sudo in root's home."""
    inside = (
        "import os, sys; os.chmod('.', 0); sys.argv[0] = 'accredit';"
        "from accredit.agent.cli import main; main()"
    )
    python, how = ordinary_user.python("-c", inside, *command)
    (home / "here").mkdir()
    how["cwd"] = ordinary_user.give(home / "here")
    done = subprocess.run(python, **how, check=False, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr


@contextmanager
def started(command: object, how: dict[str, object], folder: Path) -> Iterator[Path]:
    """Run an agent until the block ends; yields its log."""
    notify, log = folder / "notify.sock", folder / "agent.log"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor,
        log.open("wb") as stderr,
    ):
        supervisor.bind(str(notify))
        notify.chmod(0o666)
        supervisor.settimeout(60)
        assert isinstance(how["env"], dict)
        how["env"]["NOTIFY_SOCKET"] = str(notify)
        with subprocess.Popen(command, **how, stderr=stderr) as process:  # type: ignore[call-overload]
            try:
                assert supervisor.recv(4096).startswith(b"READY=1"), log.read_text()
                yield log
                process.terminate()
                assert process.wait(60) == 0
            finally:
                process.kill()
