"""``accredit api`` and ``accredit sds``, run as a user's program at an agent's socket."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

Done = subprocess.CompletedProcess[str]


def run(socket: Path, *arguments: str | Path, stdin: str = "") -> Done:
    return subprocess.run(
        [sys.executable, "-m", "accredit", *map(str, arguments)],
        check=False,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "SPIFFE_ENDPOINT_SOCKET": f"unix://{socket}"},
    )
