"""Bundle maps: the bundles of several trust domains in one document, beside each other.

SPIFFE Trust Domain and Bundle section 5. A map pools nothing: each bundle verifies the SVIDs of its
own trust domain only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from accredit.identity.bundle import MAX_BYTES, ParsedBundle, bundle_document, bundle_from
from accredit.identity.errors import BundleError, SpiffeIdError
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.strict_json import dumps, loads_object
from accredit.identity.trust_bundle import TrustBundle

_RULE = "Trust Domain and Bundle 5.1.1"
_DOMAINS = "trust_domains"
_MAX_DOMAINS = 1024
_HINT = "spiffe_refresh_hint"


def encode_bundle_map(bundles: Iterable[TrustBundle]) -> bytes:
    """Return the map, without refresh hints: who refreshes it does so as a whole."""
    named = {str(each.trust_domain): _without(_HINT, bundle_document(each)) for each in bundles}
    return dumps({_DOMAINS: dict(sorted(named.items()))})


def is_bundle_map(data: bytes) -> bool:
    """Tell whether it claims to be a map; a single bundle has no such member."""
    try:
        return len(data) <= MAX_BYTES and _DOMAINS in loads_object(data)
    except ValueError:
        return False


def parse_bundle_map(data: bytes) -> Mapping[TrustDomain, ParsedBundle]:
    """Parse a map as one unit; inside a bundle, what cannot be used is left out with a warning.

    Raises:
        BundleError: not UTF-8 JSON with one meaning, no object ``trust_domains``, a name that is
            none or is there twice, one bundle that is none, or too large.
    """
    if len(data) > MAX_BYTES:
        raise BundleError(_RULE, f"larger than {MAX_BYTES} bytes")
    try:
        domains = loads_object(data).get(_DOMAINS)
    except ValueError as error:
        raise BundleError(_RULE, str(error)) from None
    if not isinstance(domains, dict) or len(domains) > _MAX_DOMAINS:
        raise BundleError(_RULE, f"{_DOMAINS} is missing, no object, or has over {_MAX_DOMAINS}")
    return dict(_parsed(name, document) for name, document in domains.items())


def _parsed(name: str, document: object) -> tuple[TrustDomain, ParsedBundle]:
    try:
        trust_domain = TrustDomain(name)
    except SpiffeIdError:
        raise BundleError(_RULE, f"{name[:100]!r} is not the name of a trust domain") from None
    if not isinstance(document, dict):
        raise BundleError(_RULE, f"the bundle of {name} is no object")
    # A hint in there counts for nothing: how often a map is refreshed is said elsewhere.
    return trust_domain, bundle_from(trust_domain, _without(_HINT, document))


def _without(member: str, document: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in document.items() if name != member}
