"""Whether a bundle that was fetched takes the place of the one held. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import ResponseError


class Origin(StrEnum):
    """Where a bundle came from."""

    BOOTSTRAP = "bootstrap"
    OPERATOR = "operator"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Held:
    """The bundle of a trust domain, and since when it is ours."""

    bundle: TrustBundle
    origin: Origin
    since: datetime


def warnings_about(held: Held | None, fetched: TrustBundle) -> list[str]:
    """Say what is odd about a fetched bundle that takes the place of ``held``.

    SPIFFE Federation 4.2: without a sequence the last one retrieved wins, and so it does among
    equals: whoever changes a bundle without counting still must be able to withdraw a key.

    Raises:
        ResponseError: it is older than the one held, which therefore stays.
    """
    found = []
    if not fetched.x509_authorities and not fetched.jwt_authorities:
        found.append("the bundle has no key: nothing of the trust domain is trusted any more")
    # What an operator has set gives way to whatever comes next (Federation 4.2).
    if held is None or held.origin is Origin.OPERATOR or held.bundle.sequence is None:
        return found
    old, new = held.bundle.sequence, fetched.sequence
    if new is None:
        found.append(f"spiffe_sequence was {old} and is missing now")
    elif new < old:
        raise ResponseError(
            f"the bundle is older than the one held: sequence {new} after {old}; if its authority"
            " began anew, delete the bundle here, or set the new one"
        )
    elif new == old and fetched != held.bundle:
        found.append(f"the bundle changed and its spiffe_sequence is still {old}")
    return found
