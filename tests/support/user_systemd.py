"""A real systemd that manages a private part of this machine: ``systemd --user`` and its bus.

A manager moves every process of the cgroup it starts in. So it is put into a cgroup of its own
first, and never started unless it is there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from accredit.attestation.cgroups.hierarchies import Hierarchies
from support import needs
from support.cgroup import remove
from support.message_bus import CONFIG

# v2, and the one of v1 that systemd uses beside it, or instead of it.
_HIERARCHIES = ("", "name=systemd")
_UNITS = {
    "dbus.socket": "[Socket]\nListenStream=%t/bus\n",
    "dbus.service": "[Unit]\nRequires=dbus.socket\n[Service]\nType=notify\nNotifyAccess=main\n"
    "ExecStart={daemon} --config-file=%t/bus.conf --address=systemd: --nofork --nopidfile\n",
    "default.target": "[Unit]\nRequires=dbus.service\nAfter=dbus.service\n",
    "basic.target": "[Unit]\n",
    "shutdown.target": "[Unit]\n",
}
_START = """
set -eu
name="$1"; shift
for folder in "$@"; do echo $$ > "$folder/cgroup.procs"; done
if grep -E '^(0:|[0-9]+:name=systemd):' /proc/self/cgroup | grep -v ":/$name\\$"; then
    echo "not in a cgroup of its own" >&2; exit 97
fi
mount --make-rprivate /
mount -t tmpfs tmpfs /run/systemd
mkdir -p /run/systemd/system
exec {systemd} --user
"""


class UserSystemd:
    """A running manager, and how to start units of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bus = folder / "bus"
        self.units = folder / "units"
        self.environment = {"XDG_RUNTIME_DIR": str(folder), "HOME": str(folder), "PATH": _PATH}

    def run(self, unit: str, *command: str | Path, how: Sequence[str] = ()) -> str:
        """Run a command as a unit to its end, and return what it printed."""
        flags = ["--quiet", "--wait", "--pipe", "--collect", f"--unit={unit}", *how]
        return self.command("systemd-run", *flags, "--", *command)

    def command(self, program: str, *arguments: str | Path) -> str:
        """Run one of systemd's programs for users, such as ``systemctl``."""
        done = subprocess.run(
            [needs.program(program, apt="systemd"), "--user", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env=self.environment,
        )
        return done.stdout + done.stderr


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@contextlib.contextmanager
def user_systemd() -> Iterator[UserSystemd]:
    """Run one meanwhile; it is up, and so is its bus."""
    needs.root()
    program = Path("/lib/systemd/systemd")
    needs.file(program, apt="systemd")
    folder = Path(tempfile.mkdtemp(prefix="accredit-"))
    try:
        _write_units(folder)
        with _cgroups(folder.name) as cgroups:
            found = UserSystemd(folder)
            command = ["unshare", "--mount", "sh", "-c", _START.format(systemd=program), "sh"]
            with (
                (folder / "log").open("wb") as log,
                subprocess.Popen(
                    [*command, folder.name, *cgroups],
                    env={**found.environment, **_only_ours(folder)},
                    stdout=log,
                    stderr=log,
                ) as process,
            ):
                try:
                    _wait_for_bus(found, process)
                    yield found
                finally:
                    process.kill()
                    _kill_all(cgroups)
    finally:
        shutil.rmtree(folder)


def _only_ours(folder: Path) -> dict[str, str]:
    """Keep the units of this machine's users out."""
    return {
        "SYSTEMD_UNIT_PATH": str(folder / "units"),
        "SYSTEMD_GENERATOR_PATH": "/nonexistent",
        "SYSTEMD_ENVIRONMENT_GENERATOR_PATH": "/nonexistent",
    }


def _write_units(folder: Path) -> None:
    daemon = needs.program("dbus-daemon", apt="dbus-daemon")
    (folder / "bus.conf").write_text(CONFIG.format(socket=folder / "unused", policy=""))
    (folder / "units").mkdir()
    for name, text in _UNITS.items():
        (folder / "units" / name).write_text(text.replace("{daemon}", str(daemon)))


def _wait_for_bus(found: UserSystemd, process: subprocess.Popen[bytes]) -> None:
    ask: list[str | Path] = [
        needs.program("busctl", apt="systemd"),
        f"--address=unix:path={found.bus}",
    ]
    deadline = time.monotonic() + 60
    while subprocess.run(
        [*ask, "status", "org.freedesktop.systemd1"], check=False, capture_output=True
    ).returncode:
        log = (found.folder / "log").read_text()
        assert process.poll() is None, (process.poll(), log)
        assert time.monotonic() < deadline, log
        time.sleep(0.05)


@contextlib.contextmanager
def _cgroups(name: str) -> Iterator[list[Path]]:
    """Make one cgroup in each hierarchy that systemd uses here."""
    places = [Hierarchies().place(each) for each in _HIERARCHIES]
    folders = [Path(place) / name for place in places if place]
    if not folders:
        needs.missing("no cgroup can be made: mount cgroup2")
    made = []
    try:
        for folder in folders:
            try:
                folder.mkdir()
            except OSError as error:
                needs.missing(f"no cgroup can be made: {error}; mount it so that root may write")
            made.append(folder)
        yield made
    finally:
        for folder in made:
            for below in sorted(folder.rglob("*/"), reverse=True):
                remove(below)
            remove(folder)


def _kill_all(cgroups: list[Path]) -> None:
    """End every process in the cgroups, which hold nothing but what was started there."""
    while pids := {pid for cgroup in cgroups for pid in _pids(cgroup)}:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _pids(cgroup: Path) -> list[int]:
    found: list[int] = []
    for each in (cgroup, *cgroup.rglob("*/")):
        with contextlib.suppress(OSError):
            found += map(int, (each / "cgroup.procs").read_text().split())
    return found
