"""What follows the configuration while the agent runs: partners, their endpoint, and outputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accredit.agent.bundle_endpoint.settings import EndpointSettings
from accredit.agent.endpoint_host import EndpointHost, Serving
from accredit.agent.federation import fetcher
from accredit.agent.output_plan import OutputPlan
from accredit.agent.outputs import Outputs
from accredit.agent.parts.core import Core
from accredit.agent.section_reload import SectionReload
from accredit.authority.federation.polling import BundlePolling

if TYPE_CHECKING:
    from accredit.agent.output_group import Feed


@dataclass(frozen=True, slots=True)
class Following:
    """``reload`` tells the others what the configuration says now."""

    polling: BundlePolling
    endpoint: EndpointHost
    outputs: Outputs
    reload: SectionReload


def following(core: Core) -> Following:
    """Return it; nothing is fetched, served or written yet."""
    plan, authority, clock = core.plan, core.authority, core.clock
    polling = BundlePolling(authority.federation, plan.federation, fetcher(authority, clock), clock)
    endpoint, outputs = _endpoint(core), _outputs(core)
    reload = SectionReload(
        plan.entry_files.config,
        polling,
        endpoint,
        plan.embedded.federated_bundles.values(),
        authority.reload,
        outputs.apply,
    )
    return Following(polling, endpoint, outputs, reload)


def _outputs(core: Core) -> Outputs:
    def feed(output: OutputPlan) -> Feed:
        # An agent without outputs does not carry what they are made of.
        from accredit.agent.output_source import OutputSource  # noqa: PLC0415

        return OutputSource(output, core.identities)

    return Outputs(core.plan.outputs, feed, core.clock)


def _endpoint(core: Core) -> EndpointHost:
    def built(settings: EndpointSettings) -> Iterable[Serving]:
        # An agent without an endpoint does not carry a server.
        from accredit.agent.bundle_endpoint.build import build  # noqa: PLC0415

        return build(settings, core.authority, core.plan.rotation, core.clock)

    return EndpointHost(core.plan.endpoint, built)
