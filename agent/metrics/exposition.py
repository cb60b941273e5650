"""All metrics as one document in Prometheus's text format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from prometheus_client import CollectorRegistry
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

import accredit
from accredit.agent.jwks import Document
from accredit.agent.metrics.family import gauge
from accredit.identity.clock import Clock


class Exposition(Collector):
    """Collects ``families`` when asked, and says the same to all who ask within ``shared``."""

    def __init__(
        self, families: Callable[[], Iterable[Metric]], clock: Clock, shared: timedelta
    ) -> None:
        self._families = families
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
        yield InfoMetricFamily("accredit_build", "Of accredit.", {"version": accredit.__version__})
        started = self._started.timestamp()
        yield gauge("start_time_seconds", "When this process started.", started)
        yield from self._families()
