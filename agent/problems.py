"""What an operator should know is wrong, in a line each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from accredit.rotation.status import RotationStatus

_KINDS = {"roots": "root", "jwt_keys": "JWT key"}


def problems(ca: Mapping[str, Any], rotation: RotationStatus, now: datetime) -> list[str]:
    """Return what is wrong with the authority's description and with rotation; [] if nothing."""
    return [*problems_of_signers(ca, now), *_of_svids(rotation, now)]


def problems_of_files(entries: str, configuration: str) -> Iterator[str]:
    """Yield which of them was not taken over; each text is its mistakes, a line each."""
    for what, text in (("entries", entries), ("configuration", configuration)):
        if text:
            first, *others = text.splitlines()
            more = f" (and {len(others)} more: accredit check)" if others else ""
            yield f"{what} not reloaded; what is at work stays: {first}{more}"


def problems_of_signers(ca: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """Yield what keeps the authority from signing anything that would be accepted."""
    for kind, word in _KINDS.items():
        for signer in ca[kind]:
            begin, end = (
                datetime.fromisoformat(signer[key]) for key in ("not_before", "not_after")
            )
            if signer["state"] == "active" and not begin <= now < end:
                yield f"the {word} that signs is not valid at this time of the clock"


def _of_svids(rotation: RotationStatus, now: datetime) -> Iterator[str]:
    for each in rotation.entries:
        if each.not_after is not None and each.not_after <= now:
            yield f"{each.spiffe_id}: its SVID has expired"
        if each.failures:
            yield f"{each.spiffe_id}: {each.failures} tries to renew it failed: {each.error}"
    for token in rotation.tokens:
        if token.failures:
            what = f"{token.spiffe_id}: its JWT-SVID for {token.audience[:100]!r}"
            yield f"{what}: {token.failures} tries to sign it failed: {token.error}"
