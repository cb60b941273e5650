"""What the log says of each fetch, SPIFFE Federation 7.6."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

from accredit.authority.federation.freshness import Held
from accredit.authority.federation.progress import Progress
from accredit.authority.federation.relationship import Relationship
from accredit.identity.moment import rfc3339

_logger = logging.getLogger(__name__)


class Fetched(Protocol):
    """A document that was fetched."""

    @property
    def data(self) -> bytes:
        """The document, unparsed."""
        ...

    @property
    def url(self) -> object:
        """Which URL it came from in the end."""
        ...


def log_failed(relationship: Relationship, held: Held | None, progress: Progress) -> None:
    """Say why nothing came of a fetch."""
    _logger.warning(
        "federated bundle not fetched; %s",
        "the last good one stays" if held else "there is none yet",
        extra={**_facts(relationship), "error": progress.error, "failures": progress.failures},
    )


def log_fetched(
    relationship: Relationship, document: Fetched, held: Held | None, warnings: Iterable[str]
) -> None:
    """Say what was fetched, and what is odd about it."""
    facts = _facts(relationship) | {"from": str(document.url)}
    if held is not None:
        facts |= {"sequence": held.bundle.sequence, "since": rfc3339(held.since)}
    if odd := "; ".join(warnings):
        _logger.warning("federated bundle is odd", extra=facts | {"error": odd})
    _logger.info("federated bundle fetched", extra=facts)


def _facts(relationship: Relationship) -> dict[str, object]:
    return {
        "trust_domain": str(relationship.trust_domain),
        "url": str(relationship.url),
        "peer": str(relationship.endpoint_spiffe_id or relationship.url.host),
    }
