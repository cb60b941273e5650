"""``accredit envoy redirect`` for who may not load rules."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs, ordinary_user
from support.redirecting import sidecar_file

_LOADING = "nftables rules need root, or CAP_NET_ADMIN in the network namespace they are for"


@pytest.fixture
def file() -> Iterator[Path]:
    with ordinary_user.folder() as folder:
        file = sidecar_file(folder)
        file.write_text(f"{file.read_text()}  socket: /run/accredit/public/api.sock\n")
        yield file


def redirect(file: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command, how = ordinary_user.python("-m", "accredit", "envoy", "redirect", file, *arguments)
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, **how)


def test_the_rules_are_printed_all_the_same(file: Path) -> None:
    done = redirect(file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "table inet accredit_shop" in done.stdout


@pytest.mark.parametrize("what", ["--apply", "--remove", "--check"])
def test_what_loading_them_takes_is_told(file: Path, what: str) -> None:
    needs.program("nft", apt="nftables")
    done = redirect(file, what, "--host")
    assert (done.returncode, done.stderr) == (1, f"Error: {_LOADING}\n")


def test_what_entering_a_namespace_takes_is_told(file: Path) -> None:
    takes = "it needs root, and a network namespace"
    done = redirect(file, "--apply", "--netns", "/proc/self/ns/net")
    assert done.returncode == 1
    assert (
        done.stderr == f"Error: cannot enter /proc/self/ns/net: operation not permitted; {takes}\n"
    )
    secret = file.with_name("secret")
    secret.touch(mode=0)
    done = redirect(file, "--apply", "--netns", secret)
    assert done.stderr == f"Error: cannot enter {secret}: permission denied; {takes}\n"


def test_a_namespace_that_there_is_not_is_told(file: Path) -> None:
    done = redirect(file, "--apply", "--netns", "accredit-none")
    told = "Error: no network namespace at /run/netns/accredit-none: no such file or directory\n"
    assert (done.returncode, done.stderr) == (1, told)
