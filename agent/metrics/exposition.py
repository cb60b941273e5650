"""All metrics as one document in Prometheus's text format."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from prometheus_client import CollectorRegistry
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

import accredit
from accredit.agent.jwks import Document
from accredit.agent.metrics.deliveries import of_listeners, of_outputs, of_sds
from accredit.agent.metrics.family import gauge
from accredit.agent.metrics.identities import of_bundles, of_federation, of_rotation, of_signers
from accredit.agent.metrics.sources import Sources
from accredit.identity.clock import Clock


class Exposition(Collector):
    """Collects when asked, and says the same to all who ask within ``shared``."""

    def __init__(self, sources: Sources, clock: Clock, shared: timedelta) -> None:
        self._sources = sources
        self._clock = clock
        self._shared = shared.total_seconds()
        self._started = clock.now()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._made: tuple[float, Document] | None = None

    def document(self) -> Document:
        """Return all metrics."""
        now = self._clock.monotonic()
        if self._made is None or now - self._made[0] >= self._shared:
            body = generate_latest(self._registry)
            self._made = now, Document(CONTENT_TYPE_PLAIN_0_0_4, body)
        return self._made[1]

    def describe(self) -> list[Metric]:
        """Return nothing: the registry need not collect to know the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        of = self._sources
        yield InfoMetricFamily("accredit_build", "Of the agent.", {"version": accredit.__version__})
        yield gauge("start_time_seconds", "When the agent started.", self._started.timestamp())
        yield gauge("entries", "Registration entries.", of.entries())
        yield gauge(
            "problems", "Things that the admin socket's health says are wrong.", len(of.problems())
        )
        yield from of_rotation(of.rotation(), of.now())
        yield from of_signers(of.signers())
        yield from of_bundles(of.bundles())
        yield from of_federation(of.federation())
        yield from of_outputs(of.outputs)
        if of.sds is not None:
            yield from of_sds(of.sds)
        yield from of_listeners(of.listeners)
