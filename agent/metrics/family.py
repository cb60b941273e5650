"""Metrics of the agent, in the few forms they have. Pure.

Names begin with ``accredit_`` and end with their unit. Labels hold only what the configuration
names, or what the program itself has a fixed list of: never anything of a caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_PREFIX = "accredit_"
Values = Iterable[tuple[str | tuple[str, ...], float]]


def gauge(name: str, text: str, value: float) -> Metric:
    """Return a number that may fall."""
    return GaugeMetricFamily(_PREFIX + name, text, value)


def counter(name: str, text: str, value: float) -> Metric:
    """Return a number that only grows, until the agent starts anew; ``_total`` is added."""
    return CounterMetricFamily(_PREFIX + name, text, value)


def gauges(name: str, text: str, labels: tuple[str, ...], values: Values) -> Metric:
    """Return one gauge for each tuple of labels."""
    return _filled(GaugeMetricFamily(_PREFIX + name, text, labels=labels), values)


def counters(name: str, text: str, labels: tuple[str, ...], values: Values) -> Metric:
    """Return one counter for each tuple of labels."""
    return _filled(CounterMetricFamily(_PREFIX + name, text, labels=labels), values)


def times(name: str, text: str, label: str, values: Mapping[str, datetime | None]) -> Metric:
    """Return moments, in seconds since the epoch, of those that have one."""
    known = [(key, when.timestamp()) for key, when in values.items() if when is not None]
    return gauges(f"{name}_timestamp_seconds", text, (label,), known)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, values: Values
) -> GaugeMetricFamily | CounterMetricFamily:
    for labels, value in values:
        family.add_metric([labels] if isinstance(labels, str) else labels, value)
    return family
