"""What ``accredit status`` and ``accredit ca show`` print for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from accredit.agent import table
from accredit.agent.federation_text import relationships_text
from accredit.identity.durations import format_duration

Data = Mapping[str, Any]


def status_text(status: Data) -> str:
    """Return the agent, its SVIDs, its Envoys, and what went wrong."""
    parts = [table.facts(_head(status))]
    if svids := status["rotation"]["entries"]:
        parts.append(_svids(svids))
    if tokens := status["rotation"]["tokens"]:
        parts.append(_tokens(tokens))
    if relationships := status["federation"]:
        parts.append(relationships_text(relationships))
    if outputs := status["outputs"]:
        parts.append(_outputs(outputs))
    if sds := status["sds"]:
        parts += [text for text in (_envoys(sds["connections"]), _refusals(sds)) if text]
    if problems := status["problems"]:
        parts.append("\n".join(["PROBLEMS", *problems]))
    return "\n\n".join(parts)


def _head(status: Data) -> list[tuple[str, str]]:
    rotation = status["rotation"]
    facts = [
        ("accredit", f"{status['version']}, since {status['started']}"),
        ("trust domain", status["trust_domain"]),
        ("bundles of", ", ".join(status["bundles"])),
        ("entries", str(status["entries"])),
        *_revoked(status["revoked"]),
        ("socket", status["socket"]),
        ("JWK Sets", status["jwks_socket"] or "not served"),
        ("own bundle", status["bundle_endpoint"] or "not served"),
        ("data", status["data_dir"]),
        ("SVIDs signed", _failing(rotation["rotations"], rotation["failures"], "failed")),
    ]
    if sds := status["sds"]:
        counters = sds["counters"]
        facts.append(("secrets sent", _failing(counters["pushes"], counters["nacks"], "refused")))
    return facts


def _revoked(revoked: Data) -> list[tuple[str, str]]:
    counts = f"entries: {revoked['entries']}, SVIDs: {revoked['svids']}"
    if revoked["problem"]:
        return [("revoked", f"{counts}, IN VAIN: {revoked['problem']}")]
    return [("revoked", counts)] if revoked["entries"] or revoked["svids"] else []


def _failing(good: int, bad: int, word: str) -> str:
    return f"{good}, {word} {bad}" if bad else str(good)


def _svids(entries: Sequence[Data]) -> str:
    rows = [
        (
            each["spiffe_id"],
            each["serial"] or "",
            each["not_after"] or "",
            each["next_look"] or "",
            "yes" if each["watched"] else "",
            each["error"],
        )
        for each in entries
    ]
    return table.render(("SPIFFE ID", "SERIAL", "ENDS", "NEXT LOOK", "WATCHED", "ERROR"), rows)


def _tokens(tokens: Sequence[Data]) -> str:
    rows = [
        (
            each["spiffe_id"],
            each["audience"],
            each["expires_at"] or "",
            each["next_look"] or "",
            str(each["followers"]),
            each["error"],
        )
        for each in tokens
    ]
    headings = ("SPIFFE ID", "JWT FOR AUDIENCE", "ENDS", "NEXT LOOK", "STREAMS", "ERROR")
    return table.render(headings, rows)


def _outputs(outputs: Sequence[Data]) -> str:
    rows = [
        (
            each["name"],
            each["state"] + (", expired" if each["expired"] else ""),
            each["serial"],
            each["not_after"] or "",
            each["last_write"] or "",
            each["last_verify"] or "",
            each["next_try"] or "",
            each["last_error"] or each["lacking"] or "; ".join([*each["stale"], *each["left_out"]]),
        )
        for each in outputs
    ]
    headings = ("OUTPUT", "STATE", "SERIAL", "ENDS", "WRITTEN", "SEEN", "NEXT TRY", "ERROR")
    return table.render(headings, rows)


def _envoys(connections: Sequence[Data]) -> str:
    rows = [
        (
            str(connection["pid"]),
            str(connection["uid"]),
            connection["node"],
            line["name"],
            line["kind"],
            line["state"],
            line["spiffe_id"],
            line["serial"],
            line["not_after"] or "",
            line["refusal"] or line["reason"],
        )
        for connection in connections
        for line in connection["secrets"]
    ]
    headings = (
        "PID",
        "UID",
        "NODE",
        "SECRET",
        "KIND",
        "STATE",
        "SPIFFE ID",
        "SERIAL",
        "ENDS",
        "WHY",
    )
    return table.render(headings, rows) if rows else ""


def _refusals(sds: Data) -> str:
    rows = [
        (each["at"], str(each["pid"]), each["node"], each["name"], each["text"])
        for each in sds["recent_refusals"]
    ]
    return table.render(("REFUSED AT", "PID", "NODE", "SECRET", "ENVOY SAYS"), rows) if rows else ""


def ca_text(ca: Data) -> str:
    """Return roots, JWT keys, and what happens to them next."""
    head = table.facts(
        [
            ("trust domain", ca["trust_domain"]),
            ("sequence", str(ca["sequence"])),
            ("refresh hint", _duration(ca["refresh_hint"])),
            *(
                (
                    f"a new {word}",
                    f"is published {_duration(ca['publish_for'][kind])} before it signs",
                )
                for kind, word in (("x509", "root"), ("jwt", "JWT key"))
            ),
        ]
    )
    rows = [
        (kind, each["kid"], each["state"], each["not_before"], each["not_after"])
        for kind, signers in (("root", ca["roots"]), ("JWT key", ca["jwt_keys"]))
        for each in signers
    ]
    signers = table.render(("", "KEY ID", "STATE", "VALID FROM", "UNTIL"), rows)
    return "\n\n".join([head, signers, steps_text(ca["next_steps"])])


def _duration(seconds: int) -> str:
    return format_duration(timedelta(seconds=seconds))


def steps_text(steps: Sequence[Data]) -> str:
    """Return what happens when."""
    rows = [
        (each["at"], each["action"], each["kind"], each["kid"] or "a new one") for each in steps
    ]
    return table.render(("NEXT AT", "STEP", "KIND", "KEY ID"), rows)
