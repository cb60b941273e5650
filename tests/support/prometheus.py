"""A real Prometheus that serves TLS and scrapes nothing."""

from __future__ import annotations

from pathlib import Path

from support import needs
from support.ports import free_port
from support.real_program import Program


class Prometheus(Program):
    """``web`` is its web configuration."""

    def __init__(self, folder: Path, web: str) -> None:
        binary = needs.program("prometheus", apt="prometheus")
        (folder / "prometheus.yml").write_text("scrape_configs: []\n")
        (folder / "web.yml").write_text(web)
        port = free_port()
        command = (
            *(binary, f"--config.file={folder}/prometheus.yml"),
            *(f"--web.config.file={folder}/web.yml", f"--web.listen-address=127.0.0.1:{port}"),
            f"--storage.tsdb.path={folder}/data",
        )
        super().__init__(folder, command, port)
