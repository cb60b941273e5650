"""A real MariaDB with TLS, and a Unix socket for its operator."""

from __future__ import annotations

import getpass
import os
import subprocess
from pathlib import Path

from support import needs
from support.ports import free_port
from support.real_program import Program, as_user, give


class Mariadb(Program):
    """In ``folder``, which it gets for its own, as an ordinary user."""

    def __init__(self, folder: Path, files: Path) -> None:
        binary = needs.program("mariadbd", apt="mariadb-server")
        who = "mysql" if os.geteuid() == 0 else getpass.getuser()
        give(folder, who)
        self.socket, self.files = folder / "db.sock", files
        data = folder / "data"
        common = ("--no-defaults", f"--datadir={data}")
        install = needs.program("mariadb-install-db", apt="mariadb-server")
        subprocess.run(
            [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
            cwd="/",
            timeout=60,
            **as_user(who),
        )
        super().__init__(folder, (), free_port(), who)
        self.command = (
            *(binary, *common, f"--socket={self.socket}", "--bind-address=127.0.0.1"),
            *(f"--port={self.port}", f"--pid-file={folder}/pid", "--skip-log-bin"),
            *(f"--ssl-cert={files}/tls.crt", f"--ssl-key={files}/tls.key"),
            *(f"--ssl-ca={files}/ca.crt", "--innodb-buffer-pool-size=8M"),
        )
