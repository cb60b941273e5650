"""A real Apache with one TLS server."""

from __future__ import annotations

import os
from pathlib import Path

from support import needs
from support.ports import free_port
from support.real_program import Program

_MODULES = Path("/usr/lib/apache2/modules")
_LOADED = ("mpm_event", "authn_core", "authz_core", "ssl", "socache_shmcb", "dir")


class Apache(Program):
    """``extra`` goes into its one virtual host, ``main`` above it."""

    def __init__(self, folder: Path, files: Path, extra: str = "", main: str = "") -> None:
        binary = needs.program("apache2", apt="apache2")
        self.config, self.pid_file = folder / "apache.conf", folder / "apache.pid"
        super().__init__(folder, (binary, "-f", self.config, "-DFOREGROUND"), free_port())
        self.files = files
        user = ""
        modules = "\n".join(
            f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _LOADED
        )
        (folder / "htdocs").mkdir()
        (folder / "htdocs/index.html").write_text("hello\n")
        if os.geteuid() == 0:
            user = "User www-data\nGroup www-data"
            for path in (folder, folder / "htdocs", *folder.parents[:2]):
                path.chmod(path.stat().st_mode | 0o055)
        self.config.write_text(f"""
            {modules}
            {user}
            {main}
            ServerRoot {folder}
            DefaultRuntimeDir {folder}
            PidFile {self.pid_file}
            ServerName localhost
            ErrorLog {folder}/error.log
            Listen 127.0.0.1:{self.port}
            DocumentRoot {folder}/htdocs
            Mutex pthread
            SSLSessionCache none
            <VirtualHost *:{self.port}>
                SSLEngine on
                SSLCertificateFile {files}/tls.crt
                SSLCertificateKeyFile {files}/tls.key
                {extra}
            </VirtualHost>
        """)
