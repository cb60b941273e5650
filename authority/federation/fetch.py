"""Fetches the document of a bundle endpoint: connections, redirects and deadlines."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from accredit.authority.federation.endpoint_url import EndpointUrl
from accredit.authority.federation.exchange import Answer, Exchange
from accredit.authority.federation.relationship import FederationSettings, Relationship
from accredit.authority.federation.tls import check_server, spiffe_context, web_context
from accredit.identity.bundle import TrustBundle
from accredit.identity.clock import Clock
from accredit.identity.errors import ResponseError, UnavailableError
from accredit.identity.spiffe_id import TrustDomain

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SUCCESS = 200

Bundles = Mapping[TrustDomain, TrustBundle]


@dataclass(frozen=True, slots=True)
class Document:
    """What an endpoint served, unparsed, and which URL it came from in the end."""

    data: bytes
    url: EndpointUrl


class Fetcher:
    """Fetches; ``bundles`` tells at each connection what endpoints with SVIDs are verified with."""

    def __init__(
        self, settings: FederationSettings, bundles: Callable[[], Bundles], clock: Clock
    ) -> None:
        self._settings = settings
        self._bundles = bundles
        self._clock = clock
        self._stall = settings.stall_timeout / timedelta(seconds=1)

    async def fetch(self, relationship: Relationship) -> Document:
        """Return the document, always beginning at the configured URL (Federation 5.2.1.4).

        Raises:
            UnavailableError: the endpoint cannot be reached, cannot be verified, or is too slow.
            X509SvidError: it is not whom ``endpoint_spiffe_id`` names.
            ResponseError: what it answers is no document.
        """
        timeout = self._settings.timeout / timedelta(seconds=1)
        url = relationship.url
        try:
            async with asyncio.timeout(timeout):
                for _ in range(_MOST_REDIRECTS + 1):
                    answer = await self._get(relationship, url)
                    if answer.status == _SUCCESS:
                        return Document(answer.body, url)
                    url = _next_url(relationship, url, answer)
        except TimeoutError:
            raise UnavailableError(f"the fetch took longer than {timeout:g}s") from None
        raise ResponseError(f"more than {_MOST_REDIRECTS} redirects")

    async def _get(self, relationship: Relationship, url: EndpointUrl) -> Answer:
        try:
            async with self._connected(relationship, url) as exchange:
                return await exchange.get(url)
        except ssl.SSLCertVerificationError as error:
            text = f"{url.host} is not verified: {error.verify_message}"
            raise UnavailableError(text) from None
        except ssl.SSLError as error:
            reason = (error.reason or "broken off").lower().replace("_", " ")
            raise UnavailableError(f"TLS with {url.authority} fails: {reason}") from None
        except TimeoutError:
            raise
        except OSError as error:
            reason = (error.strerror or str(error) or "the server breaks it off").lower()
            raise UnavailableError(f"no connection to {url.authority}: {reason}") from None

    @asynccontextmanager
    async def _connected(
        self, relationship: Relationship, url: EndpointUrl
    ) -> AsyncIterator[Exchange]:
        """Yield a connection to a server that was verified before it was sent a byte."""
        context = self._context(relationship)
        try:
            async with asyncio.timeout(self._stall):
                reader, writer = await asyncio.open_connection(
                    url.host, url.port, ssl=context, server_hostname=url.host
                )
        except TimeoutError:
            text = f"no TLS connection to {url.authority} within {self._stall:g}s"
            raise UnavailableError(text) from None
        try:
            if expected := relationship.endpoint_spiffe_id:
                tls = writer.get_extra_info("ssl_object")
                check_server(tls, expected, self._bundles(), self._clock.now())
            yield Exchange(reader, writer, max_bytes=self._settings.max_bytes, stall=self._stall)
        finally:
            # Nothing is left to say, and a server that does not take leave must not hold us up.
            writer.transport.abort()

    def _context(self, relationship: Relationship) -> ssl.SSLContext:
        domain = relationship.verified_by
        if domain is None:
            return web_context(relationship.ca_file)
        bundle = self._bundles().get(domain)
        if bundle is None or not bundle.x509_authorities:
            raise UnavailableError(
                f"nothing fetched: no X.509 authority of {domain} is here to verify"
                f" {relationship.endpoint_spiffe_id} with; give a bootstrap_bundle, or run:"
                f" accredit bundle set {domain} FILE"
            )
        return _spiffe_context()


@lru_cache(maxsize=1)
def _spiffe_context() -> ssl.SSLContext:
    return spiffe_context()


def _next_url(relationship: Relationship, url: EndpointUrl, answer: Answer) -> EndpointUrl:
    if answer.status not in _REDIRECTS or not answer.location:
        raise ResponseError(f"{url.authority} answers with status {answer.status}")
    if not relationship.follow_redirects:
        raise ResponseError(f"{url.authority} redirects, and follow_redirects is off")
    try:
        return url.redirected(answer.location)
    except ValueError as error:
        raise ResponseError(f"{url.authority} redirects to no bundle endpoint: {error}") from None
