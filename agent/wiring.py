"""Builds every object of the agent, from the entries down to the sockets. No logic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from accredit.agent.admin import AdminServer
from accredit.agent.administration import Administration
from accredit.agent.config import Config
from accredit.agent.entry_files import EntryFiles
from accredit.agent.entry_watch import EntryWatch
from accredit.agent.listener import Listener
from accredit.agent.run import Agent
from accredit.agent.transport import GrpcTransport
from accredit.attestation.unix import UnixAttestor
from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.rotation.clock import SystemClock
from accredit.rotation.identities import Identities
from accredit.sds_server.service import SecretDiscovery
from accredit.workload_api.service import WorkloadApi


@asynccontextmanager
async def wired(config: Config, path: Path) -> AsyncIterator[Agent]:
    """Yield the agent that ``config``, read from ``path``, describes; nothing of it runs yet.

    Raises:
        ConfigError: the entries have mistakes.
        StoreError: the data folder cannot be used as it is.
    """
    limits = config.limits.settings()
    verifiers = config.allow_unauthenticated_verifiers
    entries = EntryWatch(EntryFiles(path, config))
    with (
        closing(SystemClock()) as clock,
        closing(
            EmbeddedAuthority.open(
                config.data_dir,
                config.trust_domain,
                config.authority.embedded.settings(),
                clock,
                entries,
            )
        ) as authority,
    ):
        identities = Identities(authority, clock, config.rotation.settings())
        workload_api = WorkloadApi(
            identities,
            config.workload_api.settings(allow_unauthenticated_verifiers=verifiers),
            clock,
        )
        sds = SecretDiscovery(
            identities, config.sds.settings(allow_unauthenticated_verifiers=verifiers), clock
        )
        services = (
            *([workload_api] if config.workload_api.enabled else []),
            *([sds] if config.sds.enabled else []),
        )
        transport = GrpcTransport(services, limits, config.admin_socket.parent)
        attestors = [UnixAttestor(config.attestation.unix.settings(), clock)]
        listener = Listener(config.socket, transport, attestors, limits, clock)
        administration = Administration(config, entries, authority, identities, sds.ledger, clock)
        admin = AdminServer(config.admin_socket, administration.methods)

        async def ready() -> None:
            await listener.ready.wait()
            await admin.ready.wait()

        yield Agent(
            components=(authority, identities, entries, admin, listener),
            ready=ready,
            reload=administration.request_reload,
            status=administration.status_line,
        )
