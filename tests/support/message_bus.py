"""A private message bus: a real dbus-daemon with nobody else on it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from support import needs

CONFIG = """\
<busconfig>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
    <allow user="*"/>
    {policy}
  </policy>
</busconfig>
"""


@contextlib.contextmanager
def message_bus(folder: Path, policy: str = "") -> Iterator[Path]:
    """Run one meanwhile and give its socket; ``policy`` is what it refuses."""
    daemon = needs.program("dbus-daemon", apt="dbus-daemon")
    socket = folder / "bus.sock"
    config = folder / "bus.conf"
    config.write_text(CONFIG.format(socket=socket, policy=policy))
    command: list[str | Path] = [daemon, f"--config-file={config}", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield socket
        finally:
            process.kill()
