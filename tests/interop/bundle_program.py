"""A program that reads a bundle document and a token, and says what py-spiffe makes of them.

py-spiffe has no parser of whole documents: it takes the keys of one ``use`` at a time.
"""

from __future__ import annotations

import json
import sys

from spiffe import JwtBundle, JwtSvid, TrustDomain, X509Bundle  # type: ignore[import-not-found]


def main() -> None:
    given = json.load(sys.stdin)
    keys = json.loads(given["document"])["keys"]
    name = TrustDomain(given["trust_domain"])
    jwks = {"keys": [key for key in keys if key["use"] == "jwt-svid"]}
    lines = (
        f"-----BEGIN CERTIFICATE-----\n{key['x5c'][0]}\n-----END CERTIFICATE-----\n"
        for key in keys
        if key["use"] == "x509-svid"
    )
    jwt_bundle = JwtBundle.parse(name, json.dumps(jwks).encode())
    x509_bundle = X509Bundle.parse(name, "".join(lines).encode())
    token = JwtSvid.parse_and_validate(given["token"], jwt_bundle, {"db"})
    found = {
        "uses": sorted({key["use"] for key in keys}),
        "key_ids": sorted(jwt_bundle.jwt_authorities),
        "roots": len(x509_bundle.x509_authorities),
        "token_of": str(token.spiffe_id),
    }
    json.dump(found, sys.stdout)


main()
