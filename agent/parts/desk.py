"""What operators talk to: the admin socket, and metrics if they are switched on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accredit.agent.admin import AdminServer
from accredit.agent.administration import Administration, Ledgers
from accredit.agent.explaining import Explaining
from accredit.agent.federation_admin import FederationAdministration
from accredit.agent.metrics.sources import Sources
from accredit.agent.parts.core import Core
from accredit.agent.parts.following import Following
from accredit.agent.parts.front import Front
from accredit.agent.planning import Planning
from accredit.agent.processes import Processes
from accredit.agent.revocation_admin import RevocationAdministration

if TYPE_CHECKING:
    from accredit.agent.metrics.server import MetricsServer


@dataclass(frozen=True, slots=True)
class Desk:
    """``administration`` also answers signals and the supervisor."""

    administration: Administration
    admin: AdminServer
    metrics: Sequence[MetricsServer]


def desk(core: Core, front: Front, following: Following) -> Desk:
    """Return it; nothing is answered yet."""
    administration = Administration(
        core.plan,
        core.entries,
        core.authority,
        core.identities,
        Ledgers(front.sds, following.outputs.ledger),
        core.clock,
        following.reload,
    )
    processes = Processes(front.attestors, core.plan.limits.attestation)
    answering = (
        administration,
        FederationAdministration(following.polling),
        Explaining(
            core.plan,
            processes,
            core.authority,
            core.identities,
            core.authority.revoked_matches,
        ),
        Planning(
            core.plan,
            processes,
            core.authority,
            lambda: front.public.workloads,
            lambda: following.outputs.ledger.lines,
        ),
        RevocationAdministration(core.authority, core.clock),
    )
    methods = {name: each for answers in answering for name, each in answers.methods.items()}
    sources = _sources(core, front, following, administration)
    return Desk(
        administration, AdminServer(core.plan.admin_socket, methods), _metrics(core, sources)
    )


def _sources(
    core: Core, front: Front, following: Following, administration: Administration
) -> Sources:
    return Sources(
        now=core.clock.now,
        entries=lambda: len(core.authority.entries),
        problems=administration.problems,
        rotation=core.identities.describe,
        signers=core.authority.describe,
        bundles=lambda: core.authority.bundles,
        federation=following.polling.describe,
        outputs=following.outputs.ledger,
        sds=front.sds,
        listeners=front.listeners,
    )


def _metrics(core: Core, sources: Sources) -> Sequence[MetricsServer]:
    if core.plan.metrics is None:
        return ()
    # Prometheus's library comes with it.
    from accredit.agent.metrics.build import for_agent  # noqa: PLC0415

    return (for_agent(core.plan.metrics, sources, core.clock),)
