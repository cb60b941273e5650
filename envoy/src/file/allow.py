"""``allow:`` and ``expect:``: who, and for requests what."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from accredit.envoy.file.context import Context
from accredit.envoy.file.fields import Fields
from accredit.envoy.peers import Peer, Rule
from accredit.identity.yaml_lines import Key

_METHOD = re.compile(r"[A-Z][A-Z0-9-]{0,31}")
# What no path has once Envoy has normalised it, so that a rule with it would never match.
_NEVER = re.compile(r"""//|[;\\?#%*"<>`{|}^]|[^!-~]|/\.{1,2}(?:/|$)""")
_MAX_PATH = 2048


def rules(fields: Fields, context: Context, *, requests: bool) -> tuple[Rule, ...]:
    """Read ``allow``: IDs that may do anything, and sections that limit what theirs may do.

    ``requests`` tells whether there are requests to be told apart.
    """
    fields.missing("allow", "the SPIFFE IDs that may call")
    free: dict[Peer, None] = {}
    limited: dict[Key, Rule] = {}
    for place, value in fields.items("allow"):
        if isinstance(value, dict):
            limited[place] = _limited(fields.part(value, "allow", *place), context)
            if not requests:
                fields.wrong("allow", "tcp has no methods and paths; expected IDs only", *place)
        elif (peer := fields.text_of(value, context.peer, "allow", *place)) is not None:
            if peer in free:
                fields.wrong("allow", f"{value!r} is listed twice", *place)
            free[peer] = None
    _check_limits(fields, limited, free)
    return (Rule(tuple(free)), *limited.values()) if free else tuple(limited.values())


def _check_limits(fields: Fields, limited: Mapping[Key, Rule], free: Collection[Peer]) -> None:
    for place, rule in limited.items():
        for peer in rule.peers:
            freed = next((each for each in peer.around() if each in free), None)
            if freed is not None:
                reason = f"'{peer}' may do anything, by '{freed}' of this list: its limits are moot"
                fields.wrong("allow", reason, *place)


def expected(fields: Fields, context: Context) -> tuple[Peer, ...]:
    """Read ``expect``: whose certificate a server must show."""
    fields.missing("expect", "the SPIFFE IDs that the server may have")
    found = fields.parsed_list("expect", context.peer)
    if any(peer.trust_domain is None for peer in found):
        fields.wrong("expect", "names everybody; name whom the app means to talk to")
    elif context.spire and len({peer.trust_domain for peer in found}) > 1:
        fields.wrong(
            "expect",
            "names two trust domains; SPIRE delivers several only together with all others, any of"
            " which could then pass for these: make it one outbound for each",
        )
    return found


def path(text: str) -> str:
    """Parse an exact path, or everything below one: ``/reports/*``.

    Raises:
        ValueError: no request could ever have it.
    """
    plain = text.removesuffix("/*") if text.endswith("/*") else text
    if len(text) > _MAX_PATH or not text.startswith("/") or _NEVER.search(plain):
        raise ValueError(
            f"{text[:100]!r} is no path such as /status or /reports/*: without a query, %, '//',"
            " '..', ';' and what requests encode, such as '{', which never match"
        )
    return text


def single_path(text: str) -> str:
    """Parse the path of a request that the sidecar itself makes, or lets through to the app.

    Raises:
        ValueError: it is none, or stands for several.
    """
    if text.endswith("*"):
        raise ValueError("expected a single path, such as /healthz")
    return path(text)


def _limited(section: Fields, context: Context) -> Rule:
    section.only("id", "methods", "paths")
    section.missing("id", "the SPIFFE ID, or a list of them, that may do this")
    if not {"methods", "paths"} & section.data.keys():
        section.wrong("id", "is not limited; expected 'methods' or 'paths', or the ID alone")
    return Rule(
        peers=section.parsed_list("id", context.peer),
        methods=section.parsed_list("methods", _method),
        paths=section.parsed_list("paths", path),
    )


def _method(text: str) -> str:
    if not _METHOD.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no HTTP method; expected such as GET, in upper case")
    return text
