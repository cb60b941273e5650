"""One JSON line for each request or connection, with both SPIFFE IDs and without secrets.

A path is logged without its query, which may hold tokens.
"""

from __future__ import annotations

from envoy_data_plane.envoy.config.accesslog.v3 import (
    AccessLog,
    AccessLogFilter,
    ExtensionFilter,
)
from envoy_data_plane.envoy.config.core.v3 import SubstitutionFormatString
from envoy_data_plane.envoy.extensions.access_loggers.file.v3 import FileAccessLog
from envoy_data_plane.envoy.extensions.access_loggers.filters.cel.v3 import ExpressionFilter
from envoy_data_plane.envoy.extensions.access_loggers.stream.v3 import StdoutAccessLog
from envoy_data_plane.google.protobuf import Any, Struct, Value

from accredit.envoy.sidecar import Sidecar
from accredit.envoy.way import Security, Way

_CONNECTION = {
    "time": "%START_TIME%",
    "from": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "flags": "%RESPONSE_FLAGS%",
    "duration_ms": "%DURATION%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "caller": "%DOWNSTREAM_PEER_URI_SAN%",
    "caller_serial": "%DOWNSTREAM_PEER_SERIAL%",
    "self": "%DOWNSTREAM_LOCAL_URI_SAN%",
    "to": "%UPSTREAM_HOST%",
    "server": "%UPSTREAM_PEER_URI_SAN%",
    "self_as_client": "%UPSTREAM_LOCAL_URI_SAN%",
    "failure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
}
_REQUEST = {
    "protocol": "%PROTOCOL%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ)%",
    "authority": "%REQ(:AUTHORITY)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
}
_REFUSED_BY_TLS = {
    "time": "%START_TIME%",
    "from": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "refused": "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
}
_FAILURE = "connection.transport_failure_reason"


def of_requests(sidecar: Sidecar, way: Way) -> AccessLog:
    """Return the log of requests."""
    return _log(sidecar, {**_head(way), **_CONNECTION, **_REQUEST})


def of_connections(sidecar: Sidecar, way: Way) -> AccessLog:
    """Return the log of connections, without those whom TLS refused."""
    log = _log(sidecar, {**_head(way), **_CONNECTION})
    if way.security is Security.MTLS:
        # Envoy would log them with the ID that they claimed.
        log.filter = _where(f"!has({_FAILURE})")
    return log


def of_refusals(sidecar: Sidecar, way: Way) -> AccessLog:
    """Return the log of those whom TLS refused, of whom no other log knows."""
    log = _log(sidecar, {**_head(way), **_REFUSED_BY_TLS})
    log.filter = _where(f"has({_FAILURE})")
    return log


def _where(expression: str) -> AccessLogFilter:
    return AccessLogFilter(
        extension_filter=ExtensionFilter(
            name="envoy.access_loggers.extension_filters.cel",
            typed_config=Any.pack(ExpressionFilter(expression=expression)),
        )
    )


def _head(way: Way) -> dict[str, str]:
    return {"listener": way.name, "security": way.security.value}


def _log(sidecar: Sidecar, fields: dict[str, str]) -> AccessLog:
    texts = {**fields, **sidecar.log_fields}
    line = Struct(fields={key: Value(string_value=value) for key, value in texts.items()})
    how = SubstitutionFormatString(json_format=line, omit_empty_values=True)
    if sidecar.access_log:
        file = FileAccessLog(path=sidecar.access_log, log_format=how)
        return AccessLog(name="envoy.access_loggers.file", typed_config=Any.pack(file))
    return AccessLog(
        name="envoy.access_loggers.stdout", typed_config=Any.pack(StdoutAccessLog(log_format=how))
    )
