"""Puts the server of metrics together; whoever imports this loads Prometheus's library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from prometheus_client.core import Metric

from accredit.agent.metrics.answers import MetricsAnswers
from accredit.agent.metrics.exposition import Exposition
from accredit.agent.metrics.processes import of_agent, of_file_watch
from accredit.agent.metrics.server import MetricsServer
from accredit.agent.metrics.settings import MetricsSettings
from accredit.agent.metrics.sources import Sources
from accredit.file_output.ledger import Ledger
from accredit.identity.clock import Clock


def for_agent(settings: MetricsSettings, sources: Sources, clock: Clock) -> MetricsServer:
    """Return the component of the agent."""
    return _server(settings, partial(of_agent, sources), clock)


def for_file_watch(
    settings: MetricsSettings, problems: Callable[[], Sequence[str]], outputs: Ledger, clock: Clock
) -> MetricsServer:
    """Return the component of ``accredit file watch``."""
    return _server(settings, lambda: of_file_watch(problems(), outputs), clock)


def _server(
    settings: MetricsSettings, families: Callable[[], Iterable[Metric]], clock: Clock
) -> MetricsServer:
    return MetricsServer(
        settings, MetricsAnswers(Exposition(families, clock, settings.shared).document)
    )
