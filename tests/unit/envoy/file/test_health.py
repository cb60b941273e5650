from __future__ import annotations

from datetime import timedelta

import pytest
from support.sidecar_text import in_flow, inbound, outbound, told, whole

from accredit.envoy.sidecar import HealthCheck


def test_without_more_it_tries_a_connection_every_five_seconds() -> None:
    usual = HealthCheck("", timedelta(seconds=5), timedelta(seconds=2))
    assert inbound("health_check: {}").health_check == usual
    assert outbound("protocol: tcp, health_check: {}").health_check == usual


def test_what_is_said_is_read() -> None:
    found = outbound("health_check: {path: /healthz, interval: 1m, timeout: 1s}").health_check
    assert found == HealthCheck("/healthz", timedelta(minutes=1), timedelta(seconds=1))


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ("health_check: {path: healthz}", ".path: 'healthz' is no path"),
        ("health_check: {path: /a/*}", ".path: expected a single path, such as /healthz"),
        ("health_check: {interval: 5}", ".interval: expected text"),
        ("health_check: {every: 5s}", ".every: unknown key"),
        ("health_check: true", ": expected keys and values"),
        ("health_check: null", ": is empty"),
        ("protocol: tcp, health_check: {path: /a}", ".path: needs requests"),
    ],
)
def test_each_mistake_is_told_at_its_place(fields: str, mistake: str) -> None:
    (found,) = told(whole(in_flow(fields)))
    assert found.startswith(f"3: sidecar.inbound[0].health_check{mistake}")
