"""Builds the bundle endpoint that a plan describes. No logic."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from accredit.agent.bundle_endpoint.answers import BundleAnswers
from accredit.agent.bundle_endpoint.certificate_files import WebCertificate, read_certificate
from accredit.agent.bundle_endpoint.identity import ServerIdentity
from accredit.agent.bundle_endpoint.server import BundleEndpoint
from accredit.agent.bundle_endpoint.settings import EndpointSettings
from accredit.agent.bundle_endpoint.svid_identity import SvidIdentity
from accredit.agent.bundle_endpoint.web_identity import WebIdentity
from accredit.authority.authority import Authority
from accredit.identity.clock import Clock
from accredit.identity.trust_bundle import TrustBundle
from accredit.rotation.settings import RotationSettings


def build(
    settings: EndpointSettings, authority: Authority, rotation: RotationSettings, clock: Clock
) -> tuple[ServerIdentity, BundleEndpoint]:
    """Return its two components, the first of which the second waits for."""
    identity = _identity(settings, authority, rotation, clock)

    def bundle() -> TrustBundle:
        return authority.bundles[authority.trust_domain]

    return identity, BundleEndpoint(settings, identity, BundleAnswers(bundle, settings, clock.now))


def _identity(
    settings: EndpointSettings, authority: Authority, rotation: RotationSettings, clock: Clock
) -> ServerIdentity:
    if settings.certificate is None or settings.key is None:
        spiffe_id = settings.spiffe_id(authority.trust_domain)
        return SvidIdentity(authority, spiffe_id, rotation, clock)
    files = settings.certificate, settings.key
    return WebIdentity(files, partial(_read, *files, settings, clock), clock)


def _read(certificate: Path, key: Path, settings: EndpointSettings, clock: Clock) -> WebCertificate:
    return read_certificate(certificate, key, settings.url, clock.now())
