"""What an operator may choose about metrics. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from accredit.agent.bundle_endpoint.settings import Address


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Where they are served: at a TCP address, or on the Unix socket of a path.

    A visit is one connection with one request, and lasts ``patience`` at most. An answer serves
    everybody who asks within ``shared``, so that asking often costs little.
    """

    listen: Address | Path
    connections: int = 20
    header_bytes: int = 8 << 10
    patience: timedelta = timedelta(seconds=10)
    shared: timedelta = timedelta(seconds=1)
