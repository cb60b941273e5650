"""What systemd wants to hear of a ``Type=notify`` service; see sd_notify(3)."""

from __future__ import annotations

import contextlib
import os
import socket
import time

_MEANT_FOR_US = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class SystemdNotifier:
    """Sends states to ``$NOTIFY_SOCKET``; does nothing where systemd did not set it.

    With ``patience``, in seconds, it wants to hear that often that we are alive.
    """

    def __init__(self, address: str = "", patience: float = 0) -> None:
        self.patience = patience if address else 0.0
        # "@" stands for the zero byte of an abstract address.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    @classmethod
    def from_environment(cls) -> SystemdNotifier:
        """Take what is meant for us out of the environment, so that no child inherits it."""
        taken = {name: os.environ.pop(name, "") for name in _MEANT_FOR_US}
        return cls(taken["NOTIFY_SOCKET"], _patience(taken["WATCHDOG_USEC"], taken["WATCHDOG_PID"]))

    def ready(self, status: str) -> None:
        """Tell that the service has started, or has finished reloading."""
        self._send(f"READY=1\nSTATUS={status}")

    def waiting(self, status: str) -> None:
        """Tell what keeps the service from being ready."""
        self._send(f"STATUS={status}")

    def reloading(self) -> None:
        """Tell that a reload has begun; systemd pairs it with the next ready by its time."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Tell that the service is on its way out."""
        self._send("STOPPING=1\nSTATUS=stopping")

    def alive(self) -> None:
        """Tell that we are; systemd ends and restarts a service that has not for too long."""
        self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        # A supervisor that has gone is no reason to stop serving.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
        ):
            sock.settimeout(0)
            sock.sendto(state.encode(), self._address)


def _patience(microseconds: str, pid: str) -> float:
    meant = pid in {"", str(os.getpid())}
    return int(microseconds) / 1e6 if meant and microseconds.isdecimal() else 0.0
