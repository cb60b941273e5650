"""A real HAProxy with one TLS bind, as a master with one worker."""

from __future__ import annotations

from pathlib import Path

from support import needs
from support.ports import free_port
from support.real_program import Program


class Haproxy(Program):
    """``bind`` goes to the bind line, ``frontend`` below it, ``top`` into the global section."""

    def __init__(
        self, folder: Path, files: Path, bind: str = "", frontend: str = "", top: str = ""
    ) -> None:
        binary = needs.program("haproxy", apt="haproxy")
        self.config = folder / "haproxy.cfg"
        self.pid_file, self.socket = folder / "haproxy.pid", folder / "admin.sock"
        self.master = folder / "master.sock"
        command = (binary, "-W", "-S", self.master, "-p", self.pid_file, "-f", self.config)
        super().__init__(folder, command, free_port())
        self.files, self._parts = files, (bind, frontend, top)
        self.configure()

    def configure(self, broken: str = "") -> None:
        bind, frontend, top = self._parts
        self.config.write_text(f"""
global
    stats socket {self.socket} mode 600 level admin expose-fd listeners
    {top}
    {broken}
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend web
    bind 127.0.0.1:{self.port} ssl crt {self.files}/haproxy.pem {bind}
    {frontend}
    http-request return status 200 content-type text/plain string hello
""")
