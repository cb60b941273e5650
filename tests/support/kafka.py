"""A real Kafka: one node that is broker and controller, with a plain port to tell it things."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support import needs
from support.ports import free_port
from support.real_program import Program

_CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"
_SMALL = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Kafka(Program):
    """``lines`` are for its listener that is called ``ssl``."""

    def __init__(self, folder: Path, files: Path, lines: str) -> None:
        config = folder / "server.properties"
        super().__init__(folder, java("kafka.Kafka", config), free_port())
        self.files = files
        self.plain = f"127.0.0.1:{free_port()}"
        controller = f"127.0.0.1:{free_port()}"
        open_to_all = f"PLAINTEXT://{self.plain},SSL://127.0.0.1:{self.port}"
        config.write_text(f"""
process.roles=broker,controller
node.id=0
controller.quorum.voters=0@{controller}
controller.listener.names=CONTROLLER
listeners={open_to_all},CONTROLLER://{controller}
advertised.listeners={open_to_all}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
{lines}
""")
        made = subprocess.run(
            java("kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", config),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert made.returncode == 0, made.stdout + made.stderr


def java(program: str, *arguments: str | Path) -> tuple[str, ...]:
    """Return the command that Kafka's own script for this program ends in."""
    binary = needs.program("java", apt="default-jre-headless")
    return (str(binary), *_SMALL, "-cp", f"{needs.kafka()}/*", program, *map(str, arguments))
