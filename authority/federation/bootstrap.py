"""The bundle a relationship begins with, from a file that an operator brought."""

from __future__ import annotations

import logging

from accredit.authority.federation.bundle_file import parse_bundle_file
from accredit.authority.federation.relationship import Relationship
from accredit.authority.trusted_text import read_trusted
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError, ConfigError

_logger = logging.getLogger(__name__)


def read_bootstrap(relationship: Relationship) -> TrustBundle | None:
    """Return the bootstrap bundle, or None if there is none that can be used, which is logged.

    The file decides whom we believe, so one that others can write counts for nothing.
    """
    path = relationship.bootstrap_bundle
    if path is None:
        return None
    facts = {"trust_domain": str(relationship.trust_domain), "path": str(path)}
    try:
        parsed = parse_bundle_file(relationship.trust_domain, read_trusted(path).encode())
    except (ConfigError, BundleError) as error:
        _logger.error(  # noqa: TRY400  the text says it all
            "bootstrap bundle not read", extra={**facts, "error": str(error)}
        )
        return None
    for warning in parsed.warnings:
        _logger.warning("bootstrap bundle is odd", extra={**facts, "error": warning})
    return parsed.bundle
