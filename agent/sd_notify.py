"""What systemd wants to hear of a ``Type=notify`` service; see sd_notify(3)."""

from __future__ import annotations

import contextlib
import os
import socket
import time


class SystemdNotifier:
    """Sends states to ``$NOTIFY_SOCKET``; does nothing where systemd did not set it."""

    def __init__(self, address: str = "") -> None:
        # "@" stands for the zero byte of an abstract address.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    @classmethod
    def from_environment(cls) -> SystemdNotifier:
        """Take the address out of the environment, so that no child inherits it."""
        return cls(os.environ.pop("NOTIFY_SOCKET", ""))

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
