"""A real MySQL or MariaDB with TLS: they are told and asked the same way."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accredit.file_output.profiles.databases import MARIADB, MYSQL
from accredit.file_output.profiles.profile import Profile
from support import elsewhere, needs
from support.ports import free_port
from support.real_program import Program, as_user, give

_PASSWORD = "never an argument"


@dataclass(frozen=True)
class Make:
    """What differs between the two; ``privilege`` is for those who have files read again."""

    profile: Profile
    privilege: str
    server: tuple[str, ...]
    client: tuple[str, ...]
    install: tuple[str, ...]
    lines: str = ""


def mysql() -> Make:
    root = needs.mysql()
    server = elsewhere.command(root, "usr/sbin/mysqld")
    return Make(
        MYSQL,
        "connection_admin",
        server,
        elsewhere.command(root, "usr/bin/mysql"),
        (*server, "--no-defaults", "--initialize-insecure", f"--basedir={root / 'usr'}"),
        f"basedir = {root / 'usr'}\nsecure_file_priv = NULL\nmysqlx = off\n",
    )


def mariadb() -> Make:
    server, client, install = (
        str(needs.program(name, apt="mariadb-server"))
        for name in ("mariadbd", "mariadb", "mariadb-install-db")
    )
    fresh = ("--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db")
    return Make(MARIADB, "reload", (server,), (client,), (install, *fresh))


MAKES: dict[str, Callable[[], Make]] = {"mysql": mysql, "mariadb": mariadb}


class Database(Program):
    """In ``folder``, which it gets for its own, as an ordinary user.

    ``login`` is a file for its client: a user who may have the files read again, and nothing else.
    """

    def __init__(self, folder: Path, files: Path, make: Make) -> None:
        super().__init__(
            folder, (), free_port(), "mysql" if os.geteuid() == 0 else getpass.getuser()
        )
        give(folder, self.user)
        self.make, self.files, self.login = make, files, folder / "login.cnf"
        config = folder / "my.cnf"
        self.command = (*make.server, f"--defaults-file={config}")
        config.write_text(self._config())
        self._write_login(folder / "db.sock")
        subprocess.run(
            (*make.install, f"--datadir={folder}/data"),
            check=True,
            capture_output=True,
            cwd="/",
            timeout=60,
            **as_user(self.user),
        )

    def _config(self) -> str:
        return (
            f"[mysqld]\ndatadir = {self.folder}/data\nsocket = {self.folder}/db.sock\n"
            f"bind_address = 127.0.0.1\nport = {self.port}\npid_file = {self.folder}/pid\n"
            f"init_file = {self.folder}/init.sql\ninnodb_buffer_pool_size = 8M\nskip_log_bin\n"
            + self.make.lines
            + self.make.profile.lines.replace("{dir}", str(self.files))
        )

    def _write_login(self, socket: Path) -> None:
        self.login.touch(0o600)
        self.login.write_text(
            f"[client]\nsocket = {socket}\nuser = reloader\npassword = {_PASSWORD}\n"
        )
        (self.folder / "init.sql").write_text(
            f"create user if not exists reloader@localhost identified by '{_PASSWORD}';\n"
            f"grant {self.make.privilege} on *.* to reloader@localhost;\n"
        )
