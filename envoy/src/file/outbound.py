"""``outbound:``: where the app connects to, and who has to be there."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address

from accredit.envoy.address import Endpoint, parse_destination, parse_endpoint, parse_listen
from accredit.envoy.file import allow
from accredit.envoy.file.context import Context
from accredit.envoy.file.fields import Fields
from accredit.envoy.file.health import health_check
from accredit.envoy.file.inbound import audience
from accredit.envoy.sidecar import Outbound, Protocol, TlsVersion

_KEYS = (
    "listen",
    "to",
    "intercept",
    "port",
    "expect",
    "protocol",
    "jwt",
    "timeout",
    "retries",
    "health_check",
    "min_tls",
    "remote_apps",
)
_HTTP_ONLY = ("jwt", "timeout", "retries")
_MOST_RETRIES = 10


def outbound(fields: Fields, context: Context) -> Outbound:
    """Read one outbound."""
    fields.only(*_KEYS)
    protocol = fields.choice("protocol", Protocol.HTTP)
    for name in _HTTP_ONLY:
        if fields.has(name) and not protocol.is_http:
            fields.wrong(name, "needs requests; tcp has none")
    found = Outbound(
        expect=allow.expected(fields, context),
        listen=_listen(fields),
        to=fields.parsed_list("to", parse_endpoint),
        intercept=fields.parsed_list("intercept", parse_destination),
        port=fields.number("port", 1, 1, 65535) if fields.has("port") else 0,
        protocol=protocol,
        jwt=_jwt(fields, context),
        timeout=fields.duration("timeout", timedelta(0)),
        retries=fields.number("retries", 2, 0, _MOST_RETRIES),
        health_check=health_check(fields, protocol),
        min_tls=fields.choice("min_tls", TlsVersion.TLS_1_3),
    )
    _check_way(fields)
    return found


def _listen(fields: Fields) -> Endpoint | None:
    listen = fields.parsed("listen", parse_listen)
    anywhere = fields.flag("remote_apps", default=False)
    if listen and not anywhere and not ip_address(listen.host).is_loopback:
        fields.wrong(
            "listen",
            "would lend the sidecar's identity to everybody who can reach it; expected 127.0.0.1 or"
            " [::1], or 'remote_apps: true' if only the app can",
        )
    return listen


def _check_way(fields: Fields) -> None:
    if "intercept" not in fields.data:
        fields.missing("listen", "where the app connects, such as 127.0.0.1:9001, or 'intercept'")
    if fields.has("to") and fields.has("port"):
        fields.wrong("port", "stands with 'intercept' and without 'to', which has ports of its own")
    if not fields.has("to"):
        if "intercept" not in fields.data or fields.has("listen"):
            fields.missing("to", "where the servers are, such as payments.internal:8443")
        elif fields.has("health_check"):
            fields.wrong("health_check", "needs 'to': it is not known beforehand what to check")


def _jwt(fields: Fields, context: Context) -> str:
    if fields.has("jwt") and context.spire:
        fields.wrong("jwt", "SPIRE's SDS delivers no tokens; accredit's does")
    section = fields.section("jwt")
    if section is None:
        return ""
    section.only("audience")
    section.missing("audience", "whom the token is for, such as the server's name")
    return section.parsed("audience", audience) or ""
