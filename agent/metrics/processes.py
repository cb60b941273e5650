"""Which metrics each kind of process has, beside those about itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import Metric

from accredit.agent.metrics.deliveries import of_listeners, of_outputs, of_sds
from accredit.agent.metrics.family import gauge
from accredit.agent.metrics.identities import of_bundles, of_federation, of_rotation, of_signers
from accredit.agent.metrics.sources import Sources
from accredit.file_output.ledger import Ledger


def of_agent(of: Sources) -> Iterator[Metric]:
    """Yield those of the agent."""
    yield gauge("entries", "Registration entries.", of.entries())
    yield from of_file_watch(of.problems(), of.outputs)
    yield from of_rotation(of.rotation(), of.now())
    yield from of_signers(of.signers())
    yield from of_bundles(of.bundles())
    yield from of_federation(of.federation())
    if of.sds is not None:
        yield from of_sds(of.sds)
    yield from of_listeners(of.listeners)


def of_file_watch(problems: Sequence[str], outputs: Ledger) -> Iterator[Metric]:
    """Yield those of ``accredit file watch``; the agent has them too."""
    yield gauge("problems", "Things that are wrong.", len(problems))
    yield from of_outputs(outputs)
