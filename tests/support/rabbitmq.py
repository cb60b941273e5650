"""A real RabbitMQ that speaks AMQPS alone, with an epmd of its own beside it."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from support import needs
from support.ports import free_port
from support.real_program import Program, give

# Debian's wrappers on PATH go to the machine's own node; this is what they call.
PROGRAMS = Path("/usr/lib/rabbitmq/bin")
_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"


class Rabbitmq(Program):
    """In ``folder``, which it gets for its own, with cookie and all; ``lines`` say which files."""

    def __init__(self, folder: Path, files: Path, lines: str) -> None:
        needs.file(PROGRAMS / "rabbitmq-server", apt="rabbitmq-server")
        who = "rabbitmq" if os.geteuid() == 0 else getpass.getuser()
        give(folder, who)
        super().__init__(folder, (PROGRAMS / "rabbitmq-server",), free_port(), who)
        self.files = files
        self._epmd = _epmd(folder, who)
        self.environment = {**self._epmd.environment, **_environment(folder, f"n{self.port}")}
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp = none\nlisteners.ssl.default = 127.0.0.1:{self.port}\n{lines}"
        )

    def start(self, seconds: float = 60) -> None:
        """Start both, and return once it listens."""
        self._epmd.start()
        super().start(seconds)

    def stop(self) -> None:
        """End both, as a power cut would."""
        super().stop()
        self._epmd.stop()


def _epmd(folder: Path, who: str) -> Program:
    # Without one that listens here, it would start one that goes on without it.
    port = free_port()
    where = {"ERL_EPMD_PORT": str(port), "ERL_EPMD_ADDRESS": "127.0.0.1"}
    return Program(folder, (needs.program("epmd", apt="rabbitmq-server"),), port, who, where)


def _environment(folder: Path, node: str) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"{node}@localhost",
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _LOOPBACK,
        "RABBITMQ_CTL_ERL_ARGS": _LOOPBACK,
    }
