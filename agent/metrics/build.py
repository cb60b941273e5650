"""Puts the server of metrics together; whoever imports this loads Prometheus's library."""

from __future__ import annotations

from accredit.agent.metrics.answers import MetricsAnswers
from accredit.agent.metrics.exposition import Exposition
from accredit.agent.metrics.server import MetricsServer
from accredit.agent.metrics.settings import MetricsSettings
from accredit.agent.metrics.sources import Sources
from accredit.identity.clock import Clock


def build(settings: MetricsSettings, sources: Sources, clock: Clock) -> MetricsServer:
    """Return the component."""
    return MetricsServer(
        settings, MetricsAnswers(Exposition(sources, clock, settings.shared).document)
    )
