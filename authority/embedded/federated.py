"""Bundles of other trust domains from files, for those that nothing fetches."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from accredit.authority.federation.bundle_file import parse_bundle_file
from accredit.authority.trusted_text import read_trusted
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError, ConfigError
from accredit.identity.spiffe_id import TrustDomain

_logger = logging.getLogger(__name__)


class FederatedFiles:
    """One file per trust domain, each read on :meth:`reload`: a SPIFFE bundle document, or PEM.

    A file that cannot be read or parsed, or that others can write, keeps the last good bundle. What
    is wrong with it is logged once, until it is another thing.
    """

    def __init__(self, files: Mapping[TrustDomain, Path]) -> None:
        self._files = files
        self._said: dict[TrustDomain, str] = {}
        self.bundles: Mapping[TrustDomain, TrustBundle] = {}
        self.reload()

    def reload(self) -> bool:
        """Read all files again; tell whether a bundle changed."""
        bundles = dict(self.bundles)
        for trust_domain, path in self._files.items():
            try:
                parsed = parse_bundle_file(trust_domain, read_trusted(path).encode())
            except (ConfigError, BundleError) as error:
                what = "federated bundle not read; the last good one stays"
                self._say(trust_domain, path, what, str(error))
            else:
                bundles[trust_domain] = parsed.bundle
                odd = "; ".join(parsed.warnings)
                self._say(trust_domain, path, "federated bundle is odd", odd)
        changed = bundles != self.bundles
        self.bundles = bundles
        return changed

    def _say(self, trust_domain: TrustDomain, path: Path, what: str, error: str) -> None:
        if error and self._said.get(trust_domain) != error:
            facts = {"trust_domain": str(trust_domain), "path": str(path), "error": error}
            _logger.error(what, extra=facts)
        self._said[trust_domain] = error
