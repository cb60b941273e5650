"""What ``accredit sds`` shows: plain data for JSON, columns for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from accredit.agent import table
from accredit.agent.sds_dialect import Update
from accredit.agent.sds_reading import (
    BearerToken,
    Certificate,
    ReceivedSecret,
    TlsCertificate,
    ValidationContext,
)
from accredit.identity.moment import rfc3339

MISSING = "not granted (yet)"
REMOVED = "no such secret here"
_HEADINGS = ("SECRET", "KIND", "VERSION", "HOLDS", "SERIAL", "ENDS")


def fetched_data(
    secrets: Iterable[ReceivedSecret], removed: Sequence[str], missing: Sequence[str]
) -> dict[str, object]:
    """Return what came, what the server says there is not, and what did not come."""
    return {
        "secrets": [_secret_data(each) for each in secrets],
        "removed": list(removed),
        "missing": list(missing),
    }


def fetched_text(
    secrets: Iterable[ReceivedSecret], removed: Sequence[str], missing: Sequence[str]
) -> str:
    """Return lines for what came, and one for each name that brought nothing."""
    rows = [row for each in secrets for row in _rows(each)]
    rows += [_nothing(name, REMOVED) for name in removed]
    rows += [_nothing(name, MISSING) for name in missing]
    return table.render(_HEADINGS, rows)


def update_data(update: Update, when: datetime) -> dict[str, object]:
    """Return one message and when it came."""
    return {
        "time": rfc3339(when),
        "secrets": [_secret_data(each) for each in update.secrets],
        "removed": list(update.removed),
        "problem": update.problem,
    }


def update_text(update: Update, when: datetime) -> str:
    """Return lines for what a message says, each with the time it came."""
    rows = [row for each in update.secrets for row in _rows(each)]
    rows += [_nothing(name, REMOVED) for name in update.removed]
    return table.render((*_HEADINGS, "CAME"), [(*row, rfc3339(when)) for row in rows])


def _secret_data(secret: ReceivedSecret) -> dict[str, object]:
    data: dict[str, object] = {"name": secret.name, "version": secret.version}
    match secret.content:
        case TlsCertificate(uris, leaf):
            return data | {"type": "tls_certificate", "spiffe_id": " ".join(uris), **_data(leaf)}
        case ValidationContext(authorities):
            roots = {name: [_data(each) for each in found] for name, found in authorities}
            return data | {"type": "validation_context", "roots": roots}
        case BearerToken(subject, audience, not_after):
            told = {
                "spiffe_id": subject,
                "audience": list(audience),
                "not_after": rfc3339(not_after),
            }
            return data | {"type": "jwt_svid", **told}
        case None:
            return data | {"type": "another kind"}


def _data(certificate: Certificate) -> dict[str, object]:
    return {"serial": certificate.serial, "not_after": rfc3339(certificate.not_after)}


def _rows(secret: ReceivedSecret) -> list[tuple[str, ...]]:
    name, version = printable(secret.name), printable(secret.version)
    match secret.content:
        case TlsCertificate(uris, leaf):
            names = printable(" ".join(uris)) or "no SPIFFE ID"
            return [(name, "TLS certificate", version, names, leaf.serial, rfc3339(leaf.not_after))]
        case ValidationContext(authorities):
            kind = "validation context"
            if not authorities:
                return [(name, kind, version, "trusts nobody", "", "")]
            return [(name, kind, version, *_domain(*each)) for each in authorities]
        case BearerToken(subject, _, not_after):
            return [(name, "JWT-SVID", version, printable(subject), "", rfc3339(not_after))]
        case None:
            return [(name, "another kind", version, "", "", "")]


def _domain(name: str, found: Sequence[Certificate]) -> tuple[str, str, str]:
    """Return the count of CAs, and the end of the one that ends first."""
    count = f"{len(found)} CA" if len(found) == 1 else f"{len(found)} CAs"
    first = min(found, key=lambda each: each.not_after)
    serial = first.serial if len(found) == 1 else ""
    return f"{printable(name) or 'for everybody'}: {count}", serial, rfc3339(first.not_after)


def _nothing(name: str, why: str) -> tuple[str, ...]:
    return (printable(name), why, "", "", "", "")


def printable(text: str) -> str:
    """Return ``text`` without what could steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
