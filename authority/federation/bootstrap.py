"""The bundle a relationship begins with, from a file that an operator brought."""

from __future__ import annotations

import logging
from pathlib import Path

from accredit.authority.federation.bundle_file import parse_bundle_file
from accredit.authority.federation.relationship import Relationship
from accredit.authority.trusted_text import read_trusted
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError, ConfigError

_logger = logging.getLogger(__name__)


class Bootstraps:
    """Reads them. What is wrong with a file is logged once, until it is another thing."""

    def __init__(self) -> None:
        self._said: dict[Path, str] = {}

    def read(self, relationship: Relationship) -> TrustBundle | None:
        """Return the bootstrap bundle, or None if there is none that can be used.

        The file decides whom we believe, so one that others can write counts for nothing.
        """
        path = relationship.bootstrap_bundle
        if path is None:
            return None
        try:
            parsed = parse_bundle_file(relationship.trust_domain, read_trusted(path).encode())
        except (ConfigError, BundleError) as error:
            self._say(relationship, path, "bootstrap bundle not read", str(error))
            return None
        self._say(relationship, path, "bootstrap bundle is odd", "; ".join(parsed.warnings))
        return parsed.bundle

    def _say(self, relationship: Relationship, path: Path, what: str, error: str) -> None:
        if error and self._said.get(path) != error:
            facts = {"trust_domain": str(relationship.trust_domain), "path": str(path)}
            _logger.error(what, extra={**facts, "error": error})
        self._said[path] = error
