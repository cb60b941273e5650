"""The attestors that the configuration names; what one needs is imported only with it."""

from __future__ import annotations

from collections.abc import Sequence

from accredit.agent.plan import Plan
from accredit.attestation.attestor import WorkloadAttestor
from accredit.attestation.unix import UnixAttestor
from accredit.identity.clock import Clock


def attestors(plan: Plan, clock: Clock) -> Sequence[WorkloadAttestor]:
    """Return them; nothing of them runs yet."""
    return [UnixAttestor(plan.unix, clock)]
