"""Envoy's secrets as files for its ``path_config_source``: one resource a file, all inline.

Inline, so that certificate and key come from one read. Envoy notices only files that are moved into
the folder it watches: its ``watched_directory`` has to be the folder in which ``current`` lies.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from cryptography.hazmat.primitives.serialization import Encoding

from accredit.file_output.formats.content import Content
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError
from accredit.identity.strict_json import dumps
from accredit.identity.x509_roots import usable_roots
from accredit.identity.x509_svid import X509Svid

# The names that the agent's own SDS has for them, so that a sidecar can change from one to the
# other by its config source alone.
CERTIFICATE_NAME = "default"
CONTEXT_NAME = "ALL"

_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"


def certificate(svid: X509Svid) -> Content:
    """Return the secret with chain and key."""
    return _secret(
        CERTIFICATE_NAME,
        "tls_certificate",
        {"certificate_chain": _inline(svid.chain_pem), "private_key": _inline(svid.key_pem)},
    )


def context(bundles: Iterable[TrustBundle]) -> Content:
    """Return the validation context in which each bundle verifies IDs of its own domain only.

    Raises:
        BundleError: none of them has a root.
    """
    domains = [
        {"name": str(of.trust_domain), "trust_bundle": _inline(_roots(of))}
        for of in sorted(bundles, key=lambda of: of.trust_domain)
        if usable_roots(of)
    ]
    if not domains:
        raise BundleError("SDS", "no trust domain has a self-signed X.509 authority")
    validator = {
        "name": "envoy.tls.cert_validator.spiffe",
        "typed_config": {"@type": f"{_TLS}.SPIFFECertValidatorConfig", "trust_domains": domains},
    }
    return _secret(CONTEXT_NAME, "validation_context", {"custom_validator_config": validator})


def _secret(name: str, kind: str, value: dict[str, object]) -> Content:
    return Content.plain(
        dumps({"resources": [{"@type": f"{_TLS}.Secret", "name": name, kind: value}]})
    )


def _roots(of: TrustBundle) -> bytes:
    # The validator looks for revocation lists here, and nowhere else.
    return b"".join(root.public_bytes(Encoding.PEM) for root in usable_roots(of)) + of.crl_pem


def _inline(data: bytes) -> dict[str, str]:
    return {"inline_bytes": base64.b64encode(data).decode("ascii")}
