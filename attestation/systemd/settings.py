"""What the systemd attestor can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SystemdSettings:
    """Where the bus listens that systemd is on, and whether users' own units count."""

    bus: Path = Path("/run/dbus/system_bus_socket")
    user_units: bool = False
