from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from prometheus_client.core import Metric
from support.clock import FakeClock
from support.file_sets import marked

from accredit.agent.metrics.deliveries import of_outputs, of_sds
from accredit.file_output.deploy.machine import Step
from accredit.file_output.ledger import Ledger
from accredit.sds_server.ledger import Ledger as SdsLedger

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = NOW + timedelta(hours=1)


def samples(*metrics: Metric) -> dict[tuple[str, ...], float]:
    """Return each value by the name of its sample and its labels."""
    return {
        (sample.name.removeprefix("accredit_"), *sample.labels.values()): sample.value
        for metric in metrics
        for sample in metric.samples
    }


def test_each_output_stands_somewhere_and_counts_what_happened_to_it() -> None:
    ledger = Ledger()
    ledger.line("waiting")
    line = ledger.line("web")
    line.done(Step.VERIFY, NOW)
    line.served(replace(marked("1"), not_after=ENDS), NOW)
    line.begins(NOW)
    line.failed(Step.RELOAD, "a secret reason", NOW)
    line.done(Step.RETURN, NOW)
    line.expired, line.lacking, line.left_out = True, "a secret password", ("x", "y")
    line.stale = ("z",)
    found = samples(*of_outputs(ledger))
    states = {key[1:]: value for key, value in found.items() if key[0] == "output_state"}
    assert {key for key, value in states.items() if value} == {
        ("waiting", "waiting"),
        ("web", "failing"),
    }
    assert len(states) == 8
    assert {key[0]: value for key, value in found.items() if key[1:] == ("web",)} == {
        "output_expired": 1,
        "output_lacking": 1,
        "output_left_out_files": 2,
        "output_stale_files": 1,
        "output_deployments_total": 1,
        "output_failures_total": 1,
        "output_rollbacks_total": 1,
        "output_expiry_timestamp_seconds": ENDS.timestamp(),
        "output_verified_timestamp_seconds": NOW.timestamp(),
    }
    assert ("output_expiry_timestamp_seconds", "waiting") not in found
    assert "secret" not in str(found)


def test_envoys_are_counted_all_together() -> None:
    ledger = SdsLedger(FakeClock())
    counts = ledger.counters
    counts.pushes, counts.acks, counts.nacks = 9, 7, 2
    counts.parked, counts.never, counts.failed_checks = 4, 5, 6
    assert samples(*of_sds(ledger)) == {
        ("sds_connections",): 0,
        ("sds_secrets_sent_total",): 9,
        ("sds_acks_total",): 7,
        ("sds_nacks_total",): 2,
        ("sds_parked_total",): 4,
        ("sds_never_total",): 5,
        ("sds_failed_checks_total",): 6,
    }
