"""What ``accredit api`` shows: plain data for JSON, columns for people. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from accredit.agent import table
from accredit.identity.moment import rfc3339
from accredit.workload_api.contexts import (
    HintedSvid,
    HintedToken,
    JwtBundles,
    TokenClaims,
    X509Bundles,
    X509Context,
)


def context_data(context: X509Context, *, keys: bool = False) -> dict[str, object]:
    """Return everything in a context; the private keys only if ``keys``."""
    svids = [_svid_data(each, keys=keys) for each in context.svids]
    return {"svids": svids, **x509_bundles_data(context.bundles)}


def _svid_data(hinted: HintedSvid, *, keys: bool) -> dict[str, object]:
    svid = hinted.svid
    data: dict[str, object] = {
        "spiffe_id": str(svid.spiffe_id),
        "hint": hinted.hint,
        "serial": svid.serial,
        "not_before": rfc3339(svid.not_before),
        "not_after": rfc3339(svid.not_after),
        "x509_svid": svid.chain_pem.decode(),
    }
    return data | ({"x509_svid_key": svid.key_pem.decode()} if keys else {})


def x509_bundles_data(bundles: X509Bundles) -> dict[str, object]:
    """Return the authorities in PEM by trust domain, and revocation lists in base64 DER."""
    return {
        "bundles": {str(td.id): each.x509_pem.decode() for td, each in bundles.bundles.items()},
        "crl": [base64.b64encode(each).decode() for each in bundles.crl],
    }


def jwt_bundles_data(bundles: JwtBundles) -> dict[str, object]:
    """Return a JWK Set by trust domain."""
    return {"bundles": {str(td.id): json.loads(each.jwks) for td, each in bundles.bundles.items()}}


def tokens_data(tokens: Sequence[HintedToken]) -> dict[str, object]:
    """Return the tokens: whoever reads them can use them."""
    return {
        "svids": [
            {"spiffe_id": str(each.spiffe_id), "hint": each.hint, "svid": each.token}
            for each in tokens
        ]
    }


def claims_data(claims: TokenClaims) -> dict[str, object]:
    """Return what a token says."""
    return {"spiffe_id": str(claims.spiffe_id), "claims": dict(claims.claims)}


def context_text(context: X509Context) -> str:
    """Return a line for each SVID, then one for each bundle."""
    rows = [
        (str(each.svid.spiffe_id), each.hint, each.svid.serial, rfc3339(each.svid.not_after))
        for each in context.svids
    ]
    svids = table.render(("SPIFFE ID", "HINT", "SERIAL", "ENDS"), rows)
    return f"{svids}\n\n{x509_bundles_text(context.bundles)}"


def x509_bundles_text(bundles: X509Bundles) -> str:
    """Return a line for each X.509 authority."""
    rows = [
        (str(td.id), f"{root.serial_number:x}", rfc3339(root.not_valid_after_utc))
        for td, bundle in bundles.bundles.items()
        for root in bundle.x509_authorities
    ]
    return table.render(("TRUST DOMAIN", "X.509 AUTHORITY", "ENDS"), rows)


def jwt_bundles_text(bundles: JwtBundles) -> str:
    """Return a line for each JWT key."""
    rows = [
        (str(td.id), authority.key_id)
        for td, bundle in bundles.bundles.items()
        for authority in bundle.jwt_authorities
    ]
    return table.render(("TRUST DOMAIN", "JWT KEY"), rows)


def tokens_text(tokens: Sequence[HintedToken]) -> str:
    """Return a line for each token, the token last."""
    rows = [(str(each.spiffe_id), each.hint, each.token) for each in tokens]
    return table.render(("SPIFFE ID", "HINT", "JWT-SVID"), rows)


def claims_text(claims: TokenClaims) -> str:
    """Return a line for each claim."""
    values = [(name, json.dumps(value)) for name, value in sorted(claims.claims.items())]
    return table.facts([("SPIFFE ID", str(claims.spiffe_id)), *values])
