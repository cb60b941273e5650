from __future__ import annotations

import json

import jwt
import pytest
from support.ca import TestCa

from accredit.file_output.formats.bundle_documents import jwks, spiffe_bundle
from accredit.identity.bundle import TrustBundle, parse_bundle
from accredit.identity.errors import BundleError

CA = TestCa()


def test_the_bundle_document_is_read_back_as_it_was() -> None:
    bundle = CA.bundle(sequence=7)
    parsed = parse_bundle(CA.trust_domain, spiffe_bundle(bundle).data)
    assert parsed.bundle == bundle
    assert parsed.warnings == ()


def test_a_jose_library_reads_the_key_set() -> None:
    keys = jwt.PyJWKSet.from_json(jwks(CA.bundle()).data.decode())
    assert [key.key_id for key in keys.keys] == [CA.jwt_authority.key_id]
    assert all("use" not in key for key in json.loads(jwks(CA.bundle()).data)["keys"])


def test_a_document_that_would_believe_nobody_is_refused() -> None:
    with pytest.raises(BundleError, match=r"no authority of td\.example is known"):
        spiffe_bundle(TrustBundle(CA.trust_domain))
    with pytest.raises(BundleError, match=r"no JWT authority of td\.example is known"):
        jwks(TrustBundle(CA.trust_domain, (CA.root,)))


def test_one_kind_of_authority_is_enough_for_a_bundle() -> None:
    assert spiffe_bundle(TrustBundle(CA.trust_domain, (CA.root,))).data
    assert spiffe_bundle(TrustBundle(CA.trust_domain, (), (CA.jwt_authority,))).data
