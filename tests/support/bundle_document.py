"""A bundle with two authorities of one kind and one of another, and its document."""

from __future__ import annotations

import json
from datetime import timedelta

from accredit.identity.bundle import ParsedBundle, TrustBundle, encode_bundle, parse_bundle
from accredit.identity.keys import KeyType
from accredit.identity.spiffe_id import TrustDomain
from support.ca import TestCa

TD = TrustDomain("td.example")
ONE, TWO = TestCa(), TestCa()
RSA = TestCa(kind=KeyType.RSA_2048)
FIVE_MINUTES = timedelta(minutes=5)
BUNDLE = TrustBundle(
    TD,
    (ONE.root, TWO.root, RSA.root),
    (ONE.jwt_authority, TWO.jwt_authority, RSA.jwt_authority),
    7,
    FIVE_MINUTES,
)
DOCUMENT = json.loads(encode_bundle(BUNDLE))
X1, X2, X3, J1, J2, J3 = DOCUMENT["keys"]


def parsed_keys(*keys: object, **members: object) -> ParsedBundle:
    return parse_bundle(TD, json.dumps({"keys": keys, **members}).encode())
