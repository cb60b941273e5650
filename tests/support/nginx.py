"""A real nginx with one TLS server."""

from __future__ import annotations

import os
from pathlib import Path

from support import needs
from support.ports import free_port
from support.real_program import Program

_MODULES = Path("/usr/lib/nginx/modules")


class Nginx(Program):
    """``extra`` goes into its server block, ``http`` above it, ``main`` to the top."""

    def __init__(
        self, folder: Path, files: Path, extra: str = "", http: str = "", main: str = ""
    ) -> None:
        binary = needs.program("nginx", apt="nginx-light")
        self.config, self.pid_file = folder / "nginx.conf", folder / "nginx.pid"
        super().__init__(folder, (binary, "-c", self.config, "-p", folder), free_port())
        self.files, self._parts = files, (main, http, extra)
        self.configure()

    def configure(self, broken: str = "") -> None:
        main, http, extra = self._parts
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = "\n".join(
            f"{kind}_temp_path {self.folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.config.write_text(f"""
            {main} {user} {broken}
            daemon off;
            worker_processes 2;
            pid {self.pid_file};
            error_log {self.folder}/error.log;
            events {{ worker_connections 256; }}
            http {{
                {temporary}
                access_log off;
                {http}
                server {{
                    listen 127.0.0.1:{self.port} ssl;
                    ssl_certificate {self.files}/tls.crt;
                    ssl_certificate_key {self.files}/tls.key;
                    {extra}
                    location / {{ return 200 "hello"; }}
                }}
            }}
        """)


def javascript_module() -> str:
    """Return the line that loads njs."""
    module = _MODULES / "ngx_http_js_module.so"
    needs.file(module, apt="libnginx-mod-http-js")
    return f"load_module {module};"
