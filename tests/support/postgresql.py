"""A real PostgreSQL cluster of its own, with TLS."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from support import needs
from support.ports import free_port
from support.real_program import Program, as_user, give


class Postgresql(Program):
    """``admin`` may do all over the Unix socket in ``folder``; ``hba`` is for TCP."""

    def __init__(self, folder: Path, files: Path, hba: str, ident: str = "") -> None:
        give(folder, user())
        self.data = folder / "data"
        self.files = files
        command = (needs.postgresql() / "postgres", "-D", self.data, "-k", folder)
        super().__init__(folder, command, free_port(), user())
        self._initialise()
        (self.data / "pg_hba.conf").write_text(f"local all all trust\n{hba}\n")
        (self.data / "pg_ident.conf").write_text(ident)
        with (self.data / "postgresql.conf").open("a") as config:
            config.write(f"""
port = {self.port}
listen_addresses = '127.0.0.1'
fsync = off
ssl = on
ssl_cert_file = '{files}/tls.crt'
ssl_key_file = '{files}/tls.key'
ssl_ca_file = '{files}/ca.crt'
""")

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def stop(self) -> None:
        """End it; if killed, it leaves its shared memory behind until the machine is restarted."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        super().stop()

    def psql(self, connection: str, sql: str = "select user") -> subprocess.CompletedProcess[str]:
        """Ask as a client would."""
        return _run(
            [needs.program("psql", apt="postgresql-client"), "-X", "-At", "-c", sql, connection]
        )

    def admin(self, sql: str) -> str:
        done = self.psql(f"host={self.folder} port={self.port} user=admin dbname=postgres", sql)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _initialise(self) -> None:
        arguments = [
            "-D",
            str(self.data),
            "-U",
            "admin",
            "--auth=trust",
            "--no-sync",
            "--no-locale",
        ]
        done = _run([needs.postgresql() / "initdb", *arguments], self.user)
        assert done.returncode == 0, done.stderr


def user() -> str:
    """Return whom it can run as: it refuses root."""
    return "postgres" if os.geteuid() == 0 else getpass.getuser()


def _run(command: Sequence[str | Path], who: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
        **as_user(who),
    )
