"""``accredit envoy redirect`` as its operator runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import needs, other_user
from support.net_namespace import NetNamespace

APP = other_user.UID
Done = subprocess.CompletedProcess[str]

_ACCREDIT = (sys.executable, "-m", "accredit", "envoy", "redirect")
PASS = f"""
  redirect:
    users: ["{APP}"]
"""
INTERCEPT = """
  outbound:
    - intercept: ["10.77.0.0/24:80", "[fd77::2]:80", "127.0.0.9:80"]
      expect: [/payments]
    - intercept: ["*:90"]
      to: 10.77.0.2:8443
      expect: [/payments]
"""


def sidecar_file(folder: Path, redirect: str = PASS, outbound: str = INTERCEPT) -> Path:
    file = folder / "shop.yaml"
    head = f"sidecar:\n  trust_domain: td.example\n  admin: {folder}/admin.sock"
    file.write_text(head + redirect.rstrip() + outbound)
    return file


def accredit(*arguments: str | Path, before: tuple[str | Path, ...] = ()) -> Done:
    done = subprocess.run(
        [*before, *_ACCREDIT, *arguments], check=False, capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    return done


def apply(near: NetNamespace, file: Path) -> None:
    done = accredit(file, "--apply", "--netns", near.name)
    assert (done.returncode, done.stdout) == (0, "loaded accredit_shop\n"), done.stderr


@contextmanager
def machines_own_rules_kept() -> Iterator[None]:
    """Check that nothing a test does reaches the rules of the machine it runs on."""
    needs.root()
    command: list[str | Path] = [needs.program("nft", apt="nftables"), "list", "ruleset"]
    before = subprocess.run(command, check=True, capture_output=True).stdout
    yield
    assert subprocess.run(command, check=True, capture_output=True).stdout == before
