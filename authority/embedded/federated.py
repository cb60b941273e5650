"""Bundles of other trust domains from files, for those that nothing fetches."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from accredit.authority.federation.bundle_file import parse_bundle_file
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError
from accredit.identity.spiffe_id import TrustDomain

_logger = logging.getLogger(__name__)
_MAX_BYTES = 4 * 1024 * 1024


class FederatedFiles:
    """One file per trust domain, each read on :meth:`reload`: a SPIFFE bundle document, or PEM.

    A file that cannot be read or parsed keeps the last good bundle.
    """

    def __init__(self, files: Mapping[TrustDomain, Path]) -> None:
        self._files = files
        self.bundles: Mapping[TrustDomain, TrustBundle] = {}
        self.reload()

    def reload(self) -> bool:
        """Read all files again; tell whether a bundle changed."""
        bundles = dict(self.bundles)
        for trust_domain, path in self._files.items():
            try:
                bundles[trust_domain] = _read(trust_domain, path)
            except (OSError, BundleError) as error:
                _logger.error(  # noqa: TRY400  the text says it all
                    "federated bundle not read; the last good one stays",
                    extra={
                        "trust_domain": str(trust_domain),
                        "path": str(path),
                        "error": str(error),
                    },
                )
        changed = bundles != self.bundles
        self.bundles = bundles
        return changed


def _read(trust_domain: TrustDomain, path: Path) -> TrustBundle:
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    parsed = parse_bundle_file(trust_domain, data)
    for warning in parsed.warnings:
        _logger.warning(
            "federated bundle is odd",
            extra={"trust_domain": str(trust_domain), "path": str(path), "error": warning},
        )
    return parsed.bundle
