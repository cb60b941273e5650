"""``inbound:``: who may call the app, and how."""

from __future__ import annotations

from datetime import date, timedelta
from enum import Enum

from accredit.envoy.address import parse_address, parse_listen, parse_socket
from accredit.envoy.file import allow
from accredit.envoy.file.context import Context
from accredit.envoy.file.fields import Fields
from accredit.envoy.file.health import health_check
from accredit.envoy.peers import Rule, trust_domains
from accredit.envoy.sidecar import Inbound, JwtDemand, Probe, Protocol, TlsVersion

_KEYS = (
    "listen",
    "app",
    "protocol",
    "allow",
    "mode",
    "until",
    "jwt",
    "health_check",
    "probe",
    "timeout",
    "min_tls",
)


class _Mode(Enum):
    STRICT = "strict"
    PERMISSIVE = "permissive"


_HTTP_ONLY = ("jwt", "probe", "timeout")
_LONGEST_MIGRATION = timedelta(days=366)


def inbound(fields: Fields, context: Context) -> Inbound | None:
    """Read one inbound; None if it has no place to listen or no app, which is reported."""
    fields.only(*_KEYS)
    listen = fields.parsed("listen", parse_listen)
    app = fields.parsed("app", parse_address)
    fields.missing("listen", "where others connect, such as 0.0.0.0:8443")
    fields.missing("app", "where the app listens, such as 127.0.0.1:8080")
    protocol = fields.choice("protocol", Protocol.HTTP)
    rules = allow.rules(fields, context, requests=protocol.is_http)
    _check_protocol(fields, protocol)
    until = _until(fields, context)
    jwt = _jwt(fields, context, rules)
    check = health_check(fields, protocol)
    probe = _probe(fields)
    timeout = fields.duration("timeout", timedelta(0))
    min_tls = fields.choice("min_tls", TlsVersion.TLS_1_3)
    if listen is None or app is None:
        return None
    return Inbound(listen, app, rules, protocol, until, jwt, check, probe, timeout, min_tls)


def _check_protocol(fields: Fields, protocol: Protocol) -> None:
    for name in _HTTP_ONLY:
        if fields.has(name) and not protocol.is_http:
            fields.wrong(name, "needs requests to look at; tcp has none")


def _until(fields: Fields, context: Context) -> date | None:
    """Read ``mode`` and ``until``: the last day on which plaintext is served, None if strict."""
    until = fields.parsed("until", _date)
    if fields.choice("mode", _Mode.STRICT) is _Mode.STRICT:
        if fields.data.get("mode") in (None, _Mode.STRICT.value) and fields.has("until"):
            fields.wrong("until", "stands with 'mode: permissive' only")
        return None
    fields.missing("until", "the last day on which plaintext may be served, such as 2026-12-31")
    if until is not None and context.at.today is not None:
        _check_until(fields, until, context.at.today)
    return until


def _check_until(fields: Fields, until: date, today: date) -> None:
    if until < today:
        fields.wrong(
            "until",
            f"{until} is over: see who still speaks plaintext with 'accredit envoy plaintext',"
            " then remove 'mode: permissive', or set a later day",
        )
    elif until - today > _LONGEST_MIGRATION:
        fields.wrong("until", "is more than a year away; a migration needs a nearer end")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no date such as 2026-12-31") from None


def _jwt(fields: Fields, context: Context, rules: tuple[Rule, ...]) -> JwtDemand | None:
    section = fields.section("jwt")
    if section is None:
        return None
    section.only("audience", "allow", "forward", "jwks")
    section.missing("audience", "what tokens must be made out to, such as this app's name")
    subjects = section.parsed_list("allow", context.peer)
    if "allow" not in section.data:
        subjects = tuple(dict.fromkeys(peer for rule in rules for peer in rule.peers))
    if any(peer.trust_domain is None for peer in subjects):
        fields.wrong("jwt", "tokens of everybody cannot be verified; name IDs in its 'allow'")
    if context.spire and len(trust_domains(subjects)) > 1:
        fields.wrong("jwt", "SPIRE serves the keys of one trust domain; name its IDs in 'allow'")
    jwks = section.parsed("jwks", parse_socket) or context.jwks
    if not jwks:
        section.missing("jwks", "where keys are served: the socket of SPIRE's OIDC provider")
    return JwtDemand(
        audiences=section.parsed_list("audience", audience),
        subjects=subjects,
        forward=section.flag("forward", default=False),
        jwks=jwks,
    )


def _probe(fields: Fields) -> Probe | None:
    section = fields.section("probe")
    if section is None:
        return None
    section.only("listen", "paths")
    section.missing("paths", "what may be asked for, such as [/healthz]")
    paths = section.parsed_list("paths", allow.single_path)
    listen = section.parsed("listen", parse_listen)
    section.missing("listen", "where it may be asked, such as 0.0.0.0:8081")
    return Probe(listen, paths) if listen is not None else None


def audience(text: str) -> str:
    """Parse an audience.

    Raises:
        ValueError: no token can have it.
    """
    if not text or not text.isprintable() or text != text.strip() or len(text) > 255:
        raise ValueError("expected a name or an address of 1 to 255 printable characters")
    return text
