"""``health_check:``, the same on both sides."""

from __future__ import annotations

from accredit.envoy.file import allow
from accredit.envoy.file.fields import Fields
from accredit.envoy.sidecar import HealthCheck, Protocol


def health_check(fields: Fields, protocol: Protocol) -> HealthCheck | None:
    """Read ``health_check``; None if there is none."""
    section = fields.section("health_check")
    if section is None:
        return None
    section.only("path", "interval", "timeout")
    if section.has("path") and not protocol.is_http:
        section.wrong("path", "needs requests; of a tcp app only a connection can be tried")
    usual = HealthCheck()
    return HealthCheck(
        path=section.parsed("path", allow.single_path) or "",
        interval=section.duration("interval", usual.interval),
        timeout=section.duration("timeout", usual.timeout),
    )
