"""Metrics of how identities are delivered: by files, by SDS, over sockets. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client.core import Metric

from accredit.agent.listener import Listener
from accredit.agent.metrics.family import counter, counters, gauge, gauges, times
from accredit.file_output.ledger import Ledger as OutputLedger
from accredit.file_output.ledger import Line, State
from accredit.sds_server.ledger import Ledger as SdsLedger

_OUTPUT = ("output",)
_SOCKET = ("socket",)


def of_outputs(ledger: OutputLedger) -> Iterator[Metric]:
    """Yield each output; the configuration names them."""
    lines = list(ledger.lines.values())
    states = [((each.name, str(s)), float(each.state is s)) for each in lines for s in State]
    yield gauges("output_state", "1 for where an output stands.", ("output", "state"), states)
    for name, text, read in _GAUGES:
        yield gauges(name, text, _OUTPUT, [(each.name, float(read(each))) for each in lines])
    for name, text, read in _COUNTERS:
        yield counters(name, text, _OUTPUT, [(each.name, float(read(each))) for each in lines])
    ends = {each.name: each.not_after for each in lines}
    yield times("output_expiry", "When the certificate that is served ends.", "output", ends)
    seen = {each.name: each.last_verify for each in lines}
    yield times("output_verified", "When it was last seen to be served.", "output", seen)


def _left_out(line: Line) -> int:
    return len(line.left_out)


def _stale(line: Line) -> int:
    return len(line.stale)


_GAUGES = (
    ("output_expired", "1 if the certificate in the files has expired.", lambda each: each.expired),
    ("output_lacking", "1 if no new files can be made.", lambda each: bool(each.lacking)),
    ("output_left_out_files", "Files of the newest set that could not be made.", _left_out),
    ("output_stale_files", "Files that hold what an earlier set held.", _stale),
)
_COUNTERS = (
    ("output_deployments", "Sets that went all the way.", lambda each: each.deployments),
    ("output_failures", "Steps that failed.", lambda each: each.failures),
    ("output_rollbacks", "Times the old set was put back.", lambda each: each.rollbacks),
)


def of_sds(ledger: SdsLedger) -> Iterator[Metric]:
    """Yield what all Envoys together were sent, and said of it."""
    counts = ledger.counters
    yield gauge("sds_connections", "Connections with an SDS stream.", ledger.connections)
    yield counter("sds_secrets_sent", "Secrets sent.", counts.pushes)
    yield counter("sds_acks", "Secrets accepted.", counts.acks)
    yield counter("sds_nacks", "Secrets refused.", counts.nacks)
    yield counter("sds_parked", "Names asked for that nobody has yet.", counts.parked)
    yield counter("sds_never", "Names asked for that can never be valid here.", counts.never)
    failed = counts.failed_checks
    yield counter("sds_failed_checks", "Secrets held back as an Envoy would refuse them.", failed)


def of_listeners(listeners: Sequence[Listener]) -> Iterator[Metric]:
    """Yield what callers of the public sockets hold together."""
    open_ = [(each.name, each.connections.total) for each in listeners]
    yield gauges("connections", "Open connections.", _SOCKET, open_)
    streams = [(each.name, each.streams.total) for each in listeners]
    yield gauges("streams", "Open streams.", _SOCKET, streams)
    refused = [(each.name, each.refusals.total) for each in listeners]
    yield counters("connections_refused", "Connections refused.", _SOCKET, refused)
    failures: Counter[str] = Counter()
    for each in listeners:
        failures.update(each.attestation_failures)
    text = "Attestors that could not tell of a caller."
    yield counters("attestation_failures", text, ("attestor",), failures.items())
