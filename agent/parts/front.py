"""What callers talk to: the sockets, who is behind each connection, and what is served there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accredit.agent.attestors import attestors, working
from accredit.agent.health import Health
from accredit.agent.http_carrier import HttpCarrier
from accredit.agent.jwks import JwkSets
from accredit.agent.listener import Listener
from accredit.agent.parts.core import Core
from accredit.agent.problems import problems_of_signers
from accredit.agent.reflection import V1, V1ALPHA, Reflection
from accredit.agent.run import Component
from accredit.agent.transport import GrpcTransport
from accredit.attestation.attestor import WorkloadAttestor
from accredit.attestation.turns import InTurns
from accredit.rotation.delivery import Service
from accredit.sds_server.ledger import Ledger
from accredit.sds_server.service import SecretDiscovery
from accredit.workload_api.service import WorkloadApi


@dataclass(frozen=True, slots=True)
class Front:
    """``working`` are attestors that run beside the callers they look at."""

    attestors: Sequence[WorkloadAttestor]
    working: Sequence[Component]
    sds: Ledger | None
    public: Listener
    jwks: Sequence[Listener]

    @property
    def listeners(self) -> Sequence[Listener]:
        """All of them."""
        return (self.public, *self.jwks)


def front(core: Core) -> Front:
    """Return it; nothing listens yet."""
    plan, clock = core.plan, core.clock
    asked = attestors(plan, clock)
    in_turns = [InTurns(each, plan.limits.attestations) for each in asked]
    sds = SecretDiscovery(core.identities, plan.sds, clock) if plan.sds else None
    transport = GrpcTransport(_services(core, sds), plan.limits, plan.admin_socket.parent)
    return Front(
        attestors=in_turns,
        working=working(asked),
        sds=sds.ledger if sds else None,
        public=Listener(plan.socket, transport, in_turns, plan.limits, clock),
        jwks=_jwks(core, in_turns),
    )


def _services(core: Core, sds: SecretDiscovery | None) -> Sequence[Service]:
    plan, authority, clock = core.plan, core.authority, core.clock
    deliveries: list[Service] = [sds] if sds else []
    if plan.workload_api:
        deliveries.insert(0, WorkloadApi(core.identities, plan.workload_api, clock))
    health = Health(
        (each.name for each in deliveries),
        lambda: not any(problems_of_signers(authority.describe(), clock.now())),
    )
    authority.subscribe(health.look_again)
    names = [each.name for each in (*deliveries, health)]
    return [*deliveries, health, Reflection(V1, names), Reflection(V1ALPHA, names)]


def _jwks(core: Core, asked: Sequence[WorkloadAttestor]) -> Sequence[Listener]:
    plan, clock = core.plan, core.clock
    if not plan.jwks:
        return ()
    sets = JwkSets(
        core.identities, allow_unauthenticated_verifiers=plan.allow_unauthenticated_verifiers
    )
    carrier = HttpCarrier(sets, plan.jwks, clock)
    return (Listener(plan.jwks_socket, carrier, asked, plan.jwks, clock, name="jwks"),)
