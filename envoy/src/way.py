"""One way through a sidecar, as logs and statistics call it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Security(Enum):
    """How whoever comes this way is known."""

    MTLS = "mtls"
    PLAINTEXT = "plaintext"  # not at all, during a migration
    APP = "app"  # as the app beside the sidecar
    PROBE = "probe"  # not at all, and may only ask how the app is


@dataclass(frozen=True, slots=True)
class Way:
    """``name`` is that of the listener and, but for a probe, of the cluster it leads to."""

    name: str
    security: Security

    @property
    def stats(self) -> str:
        """What its statistics begin with."""
        plain = self.security is Security.PLAINTEXT
        return f"{self.name}_{self.security.value}" if plain else self.name
