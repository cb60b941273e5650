from __future__ import annotations

import json
from typing import Any

import pytest
from support.ca import TestCa

from accredit.agent import api_output
from accredit.identity.spiffe_id import SpiffeId
from accredit.workload_api.contexts import (
    HintedSvid,
    HintedToken,
    JwtBundles,
    TokenClaims,
    X509Bundles,
    X509Context,
)

CA = TestCa("prod.example")
WEB = SpiffeId.parse("spiffe://prod.example/web")
SVID = CA.svid(WEB)
X509_BUNDLES = X509Bundles({CA.trust_domain: CA.bundle()}, (b"crl",))
JWT_BUNDLES = JwtBundles({CA.trust_domain: CA.bundle()})
CONTEXT = X509Context((HintedSvid(SVID, "internal"),), X509_BUNDLES)
TOKENS = [HintedToken(WEB, "a.b.c", "internal")]
CLAIMS = TokenClaims(WEB, {"sub": str(WEB), "aud": ["db"], "exp": 5})


def test_private_keys_are_only_shown_when_asked_for() -> None:
    shown = json.dumps(api_output.context_data(CONTEXT)) + api_output.context_text(CONTEXT)
    assert "PRIVATE KEY" not in shown
    (svid,) = _list(api_output.context_data(CONTEXT, keys=True)["svids"])
    assert svid["x509_svid_key"] == SVID.key_pem.decode()


def test_a_context_is_shown_whole() -> None:
    data = api_output.context_data(CONTEXT)
    assert data["svids"] == [
        {
            "spiffe_id": "spiffe://prod.example/web",
            "hint": "internal",
            "serial": SVID.serial,
            "not_before": "2025-12-31T23:00:00Z",
            "not_after": "2026-01-01T01:00:00Z",
            "x509_svid": SVID.chain_pem.decode(),
        }
    ]
    assert data["bundles"] == {"spiffe://prod.example": CA.bundle().x509_pem.decode()}
    assert data["crl"] == ["Y3Js"]


def test_jwt_bundles_are_jwk_sets() -> None:
    bundles = api_output.jwt_bundles_data(JWT_BUNDLES)["bundles"]
    assert bundles == {"spiffe://prod.example": json.loads(CA.bundle().jwks)}


def test_tokens_and_claims_are_shown_as_they_are() -> None:
    assert api_output.tokens_data(TOKENS) == {
        "svids": [{"spiffe_id": str(WEB), "hint": "internal", "svid": "a.b.c"}]
    }
    assert api_output.claims_data(CLAIMS) == {"spiffe_id": str(WEB), "claims": CLAIMS.claims}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (api_output.context_text(CONTEXT), [str(WEB), "internal", SVID.serial]),
        (api_output.x509_bundles_text(X509_BUNDLES), [f"{CA.root.serial_number:x}"]),
        (api_output.jwt_bundles_text(JWT_BUNDLES), [CA.jwt_authority.key_id]),
        (api_output.tokens_text(TOKENS), [str(WEB), "internal", "a.b.c"]),
        (api_output.claims_text(CLAIMS), ["SPIFFE ID", 'aud        ["db"]', "exp        5"]),
    ],
    ids=["context", "x509-bundles", "jwt-bundles", "tokens", "claims"],
)
def test_people_see_columns(text: str, expected: list[str]) -> None:
    for part in expected:
        assert part in text


def _list(value: object) -> list[dict[str, Any]]:
    assert isinstance(value, list)
    return value
