"""Builds every object of the agent, from the entries down to the sockets. No logic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

from accredit.agent.admin import AdminServer
from accredit.agent.administration import Administration, Ledgers
from accredit.agent.attestors import attestors, working
from accredit.agent.bundle_endpoint.settings import EndpointSettings
from accredit.agent.endpoint_host import EndpointHost, Serving
from accredit.agent.explaining import Explaining
from accredit.agent.federation import fetcher
from accredit.agent.federation_admin import FederationAdministration
from accredit.agent.federation_reload import FederationReload
from accredit.agent.health import Health
from accredit.agent.http_carrier import HttpCarrier
from accredit.agent.jwks import JwkSets
from accredit.agent.key_ways import key_ways
from accredit.agent.listener import Listener
from accredit.agent.metrics.sources import Sources
from accredit.agent.output_plan import OutputPlan
from accredit.agent.outputs import Outputs
from accredit.agent.plan import Plan
from accredit.agent.planning import Planning
from accredit.agent.problems import problems_of_signers
from accredit.agent.processes import Processes
from accredit.agent.reflection import V1, V1ALPHA, Reflection
from accredit.agent.revocation_admin import RevocationAdministration
from accredit.agent.run import Agent
from accredit.agent.transport import GrpcTransport
from accredit.attestation.turns import InTurns
from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.entry_source import EntrySource
from accredit.authority.federation.polling import BundlePolling
from accredit.identity.clock import Clock
from accredit.rotation.clock import SystemClock
from accredit.rotation.delivery import Service
from accredit.rotation.identities import Identities
from accredit.sds_server.service import SecretDiscovery
from accredit.workload_api.service import WorkloadApi

if TYPE_CHECKING:
    from accredit.agent.metrics.server import MetricsServer
    from accredit.agent.output_group import Feed


@asynccontextmanager
async def wired(plan: Plan) -> AsyncIterator[Agent]:
    """Yield the agent that ``plan`` describes; nothing of it runs yet.

    Raises:
        ConfigError: the entries have mistakes.
        StoreError: the data folder cannot be used as it is.
        TpmUnavailableError, TpmError: keys are in a TPM, which is away or refuses.
    """
    entries = EntrySource(plan.entry_files)
    entries.load()
    with (
        closing(SystemClock()) as clock,
        key_ways(plan) as ways,
        closing(
            EmbeddedAuthority.open(
                plan.data_dir,
                plan.trust_domain,
                plan.embedded,
                clock,
                entries,
                plan.federation.relationships,
                ways,
            )
        ) as authority,
    ):
        identities = Identities(authority, clock, plan.rotation)
        workload_api = (
            WorkloadApi(identities, plan.workload_api, clock) if plan.workload_api else None
        )
        sds = SecretDiscovery(identities, plan.sds, clock) if plan.sds else None
        deliveries: list[Service] = [each for each in (workload_api, sds) if each]
        health = Health(
            (each.name for each in deliveries),
            lambda: not any(problems_of_signers(authority.describe(), clock.now())),
        )
        authority.subscribe(health.look_again)
        names = [each.name for each in (*deliveries, health)]
        services = [*deliveries, health, Reflection(V1, names), Reflection(V1ALPHA, names)]
        transport = GrpcTransport(services, plan.limits, plan.admin_socket.parent)
        asked = attestors(plan, clock)
        in_turns = [InTurns(each, plan.limits.attestations) for each in asked]
        listener = Listener(plan.socket, transport, in_turns, plan.limits, clock)
        listeners = [listener]
        if plan.jwks:
            sets = JwkSets(
                identities,
                allow_unauthenticated_verifiers=plan.allow_unauthenticated_verifiers,
            )
            carrier = HttpCarrier(sets, plan.jwks, clock)
            listeners.append(
                Listener(plan.jwks_socket, carrier, in_turns, plan.jwks, clock, name="jwks")
            )
        endpoint = _endpoint(plan, authority, clock)
        outputs = _outputs(plan, identities, clock)
        ledgers = Ledgers(sds.ledger if sds else None, outputs.ledger)
        polling = BundlePolling(
            authority.federation, plan.federation, fetcher(authority, clock), clock
        )
        reload = FederationReload(
            plan.entry_files.config,
            polling,
            endpoint,
            plan.embedded.federated_bundles.values(),
            authority.reload,
            outputs.apply,
        )
        administration = Administration(
            plan, entries, authority, identities, ledgers, clock, reload
        )
        federation = FederationAdministration(polling)
        processes = Processes(in_turns, plan.limits.attestation)
        explaining = Explaining(plan, processes, authority, identities)
        planning = Planning(plan, processes, authority, lambda: listener.workloads)
        revocation = RevocationAdministration(authority, clock)
        answering = (administration, federation, explaining, planning, revocation)
        methods = {name: each for answers in answering for name, each in answers.methods.items()}
        admin = AdminServer(plan.admin_socket, methods)
        sources = Sources(
            now=clock.now,
            entries=lambda: len(authority.entries),
            problems=administration.problems,
            rotation=identities.describe,
            signers=authority.describe,
            bundles=lambda: authority.bundles,
            federation=polling.describe,
            outputs=outputs.ledger,
            sds=ledgers.sds,
            listeners=listeners,
        )
        metrics = _metrics(plan, sources, clock)
        yield Agent(
            components=(
                *(authority, identities, entries, polling, reload),
                *working(asked),
                endpoint,
                *metrics,
                admin,
                outputs,
                *listeners,
            ),
            started=(
                admin.ready,
                endpoint.ready,
                *(each.ready for each in metrics),
                *(each.ready for each in listeners),
                outputs.ready,
            ),
            reload=administration.request_reload,
            status=administration.status_line,
        )


def _outputs(plan: Plan, identities: Identities, clock: Clock) -> Outputs:
    def feed(output: OutputPlan) -> Feed:
        # An agent without outputs does not carry what they are made of.
        from accredit.agent.output_source import OutputSource  # noqa: PLC0415

        return OutputSource(output, identities)

    return Outputs(plan.outputs, feed, clock)


def _endpoint(plan: Plan, authority: EmbeddedAuthority, clock: Clock) -> EndpointHost:
    def built(settings: EndpointSettings) -> Iterable[Serving]:
        # An agent without an endpoint does not carry a server.
        from accredit.agent.bundle_endpoint.build import build  # noqa: PLC0415

        return build(settings, authority, plan.rotation, clock)

    return EndpointHost(plan.endpoint, built)


def _metrics(plan: Plan, sources: Sources, clock: Clock) -> Sequence[MetricsServer]:
    """Return the component that serves metrics, if they are switched on."""
    if plan.metrics is None:
        return ()
    from accredit.agent.metrics.build import build  # noqa: PLC0415  see above

    return (build(plan.metrics, sources, clock),)
