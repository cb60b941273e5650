"""The demo a newcomer runs, as root and as somebody else."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from support import needs, ordinary_user, other_user

pytestmark = [pytest.mark.slow]


def _story(command: Any, **options: Any) -> str:
    done = subprocess.run(
        command, **options, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def _check(story: str) -> None:
    assert 'payments says: "I was called by spiffe://demo.example/checkout"' in story
    assert "checkout's sidecar talks to spiffe://demo.example/payments" in story
    assert story.count("refused (") == 3
    counts = re.search(r"requests sent (\d+), failed 0, rotations seen (\d+)", story)
    assert counts, story
    assert int(counts[1]) > 20  # how many more depends on the machine
    assert int(counts[2]) >= 4
    assert len(set(re.findall(r"now shows serial ([0-9a-f]+)", story))) >= 6


def test_the_demo_holds_for_whoever_runs_it() -> None:
    needs.envoy()
    _check(_story([sys.executable, "-m", "accredit", "demo", "--once"]))


def test_the_demo_holds_for_an_ordinary_user() -> None:
    needs.envoy()
    command, options = other_user.python("-m", "accredit", "demo", "--once", "--ttl=12")
    _check(_story(command, **options))


@pytest.mark.parametrize("mode", [0o755, 0])
def test_the_demo_says_what_is_missing(mode: int) -> None:
    with ordinary_user.folder() as folder:
        envoy = folder / "bin/envoy"
        envoy.parent.mkdir()
        envoy.parent.chmod(mode)
        command, how = ordinary_user.python("-m", "accredit", "demo", "--once")
        how["env"]["ACCREDIT_ENVOY"] = str(envoy)
        done = subprocess.run(
            command, **how, capture_output=True, text=True, check=False, timeout=60
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"no Envoy at {envoy}" in done.stderr
