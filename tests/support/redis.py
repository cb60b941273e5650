"""A real Redis with TLS, and a Unix socket for its operator."""

from __future__ import annotations

from pathlib import Path

from support import needs
from support.ports import free_port
from support.real_program import Program


class Redis(Program):
    def __init__(self, folder: Path, files: Path) -> None:
        binary = needs.program("redis-server", apt="redis-server")
        config, self.socket = folder / "redis.conf", folder / "redis.sock"
        super().__init__(folder, (binary, config), free_port())
        self.files = files
        config.write_text(f"""
bind 127.0.0.1
port 0
tls-port {self.port}
tls-cert-file {files}/tls.crt
tls-key-file {files}/tls.key
tls-ca-cert-file {files}/ca.crt
unixsocket {self.socket}
dir {folder}
save ""
""")
