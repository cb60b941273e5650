"""The section of the configuration that says where metrics are served."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from accredit.agent.bundle_endpoint.settings import Address
from accredit.agent.config_types import Count, Section, Unit, check_socket_length
from accredit.agent.metrics.settings import MetricsSettings

_DEFAULTS = MetricsSettings(Address("127.0.0.1", 9464))
_UNIX = "unix:"


def _listen(value: object) -> Address | Path:
    if isinstance(value, Address | Path):
        return value
    text = value if isinstance(value, str) else ""
    if text.startswith(_UNIX) and len(text) > len(_UNIX):
        return check_socket_length(Path(text.removeprefix(_UNIX)))
    try:
        return Address.parse(text)
    except ValueError:
        raise ValueError(
            "expected an IP address and a port, as in 127.0.0.1:9464, or unix:/path"
        ) from None


class Metrics(Section):
    """Numbers for Prometheus, at `/metrics`; off without `listen`."""

    listen: Annotated[Address | Path | None, BeforeValidator(_listen), Unit("address")] = Field(
        default=None,
        description="Where, such as `127.0.0.1:9464` or `unix:/run/accredit/metrics.sock` (mode "
        "0660). Who can reach it can read it: nothing in it is secret.",
    )
    connections: Count = Field(
        default=_DEFAULTS.connections, description="Open connections; more are hung up on."
    )

    def settings(self, folder: Path) -> MetricsSettings | None:
        """Return what the server takes; a path begins at ``folder``."""
        if self.listen is None:
            return None
        where = folder / self.listen if isinstance(self.listen, Path) else self.listen
        return MetricsSettings(where, self.connections)
