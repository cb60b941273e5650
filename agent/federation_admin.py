"""What administrators may ask about relationships, and do to their bundles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accredit.agent.admin import Method, Params
from accredit.authority.federation.bundle_file import parse_bundle_file, require_meant
from accredit.authority.federation.polling import BundlePolling
from accredit.identity.errors import RequestError, SpiffeIdError
from accredit.identity.spiffe_id import TrustDomain


class FederationAdministration:
    """The methods of the admin socket that federation adds, by name."""

    def __init__(self, polling: BundlePolling) -> None:
        self._polling = polling

    @property
    def methods(self) -> Mapping[str, Method]:
        """Every method an administrator may call."""
        return {"bundle.list": self.list, "bundle.set": self.set, "bundle.delete": self.delete}

    async def list(self, params: Params) -> Any:
        """Return every relationship with its bundle and how its fetches go."""
        del params
        return self._polling.describe()

    async def set(self, params: Params) -> Any:
        """Make a document, or roots in PEM, the bundle of a relationship until a fetch succeeds.

        One begins at once.

        Raises:
            BundleError: the text is neither, or cannot be meant.
            NotFoundError: there is no such relationship.
        """
        wanted = _trust_domain(params)
        parsed = parse_bundle_file(wanted, str(params.get("text", "")).encode())
        require_meant(parsed)
        self._polling.bundles.overwrite(parsed.bundle)
        self._polling.fetch_now(wanted)
        return {"warnings": list(parsed.warnings)}

    async def delete(self, params: Params) -> Any:
        """Forget the bundle of a relationship, which begins with its bootstrap bundle again.

        Raises:
            NotFoundError: there is no such relationship.
        """
        wanted = _trust_domain(params)
        self._polling.bundles.forget(wanted)
        self._polling.fetch_now(wanted)
        return {}


def _trust_domain(params: Params) -> TrustDomain:
    try:
        return TrustDomain.parse(str(params.get("trust_domain")))
    except SpiffeIdError as error:
        raise RequestError(str(error)) from None
