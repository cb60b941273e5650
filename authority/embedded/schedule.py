"""When the next signer is prepared, takes over, and the last one goes. Pure.

Prepared at half of the active one's life; active at five sixths of it, or earlier where an SVID of
full length would not fit into the rest, but never before it was published for ``publish_for``;
removed when nothing it signed can be valid any more, clock skew included. So every verifier knows
a signer before it meets its first signature, and knows it until after the last.

The one exception: where the active signer has expired there is nothing left to verify, and its
successor takes over at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from accredit.authority.embedded.settings import SignerPolicy
from accredit.authority.embedded.state import Kind, Phase, Signer

_NOT_AT_ALL = timedelta()


class Action(StrEnum):
    """What happens to a signer."""

    PREPARE = "prepare"
    ACTIVATE = "activate"
    RETIRE = "retire"


@dataclass(frozen=True, slots=True)
class Step:
    """One action and when it is due; ``kid`` is empty for a signer yet to be made."""

    action: Action
    kind: Kind
    kid: str
    at: datetime


def next_step(
    signers: Sequence[Signer],
    policy: SignerPolicy,
    skew: timedelta,
    served_for: Mapping[str, timedelta],
    now: datetime,
) -> Step:
    """Return the next step for the signers of one kind; it may be overdue.

    ``served_for`` says how long this process has published each signer, by key id. The time before
    it started does not count: verifiers may not have been able to ask.
    """
    active = next(signer for signer in signers if signer.phase is Phase.ACTIVE)
    steps = [
        Step(Action.RETIRE, signer.kind, signer.kid, signer.signed_until + skew)
        for signer in signers
        if signer.phase is Phase.OLD
    ]
    prepared = next((signer for signer in signers if signer.phase is Phase.PREPARED), None)
    if prepared is None:
        half = active.not_before + (active.not_after - active.not_before) / 2
        steps.append(Step(Action.PREPARE, active.kind, "", half))
    else:
        at = _takeover(active, prepared, policy, served_for.get(prepared.kid, _NOT_AT_ALL), now)
        steps.append(Step(Action.ACTIVATE, active.kind, prepared.kid, at))
    return min(steps, key=lambda step: step.at)


def _takeover(
    active: Signer, prepared: Signer, policy: SignerPolicy, served: timedelta, now: datetime
) -> datetime:
    published = now + max(policy.publish_for - served, _NOT_AT_ALL)
    late = active.not_before + (active.not_after - active.not_before) * 5 / 6
    planned = now if prepared.forced else min(late, active.not_after - policy.max_ttl)
    return min(max(planned, published), active.not_after)
