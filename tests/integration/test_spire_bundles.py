"""Bundle documents of the form that a SPIRE Server publishes, with keys of our own.

As SPIRE 1.13.3 serves it, and as read in its source (pkg/common/bundleutil): four blanks, one
certificate in each `x5c`, JWT keys in another order at each fetch, `spiffe_sequence` and
`spiffe_refresh_hint` left out when they are 0. For no keys it writes an empty array; older ones
write null, and never a sequence.
"""

from __future__ import annotations

import base64
import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from support.bundle_endpoint import endpoint, says, server_context, whole
from support.ca import TestCa
from support.federating import PARTNER, SERVER, Federation, federating, relationship

from accredit.agent.federation_admin import FederationAdministration
from accredit.identity.errors import BundleError
from accredit.identity.keys import KeyType, PublicKey
from accredit.identity.trust_bundle import JwtAuthority

_HINT = timedelta(minutes=10)


def _text(number: int, width: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(width, "big")).rstrip(b"=").decode()


def _parameters(key: PublicKey) -> dict[str, str]:
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _text(numbers.n, key.key_size // 8), "e": "AQAB"}
    assert isinstance(key, ec.EllipticCurvePublicKey)
    point, width = key.public_numbers(), key.key_size // 8
    curve = {256: "P-256", 384: "P-384"}[key.key_size]
    return {"kty": "EC", "crv": curve, "x": _text(point.x, width), "y": _text(point.y, width)}


def _root(certificate: x509.Certificate) -> dict[str, Any]:
    key: Any = certificate.public_key()
    der = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    return {"use": "x509-svid", **_parameters(key), "x5c": [der]}


def _jwt_key(kid: str, key: PublicKey) -> dict[str, str]:
    return {"use": "jwt-svid", "kid": kid, **_parameters(key)}


def _published(keys: list[dict[str, Any]] | None, sequence: int = 0, hint: int = 0) -> bytes:
    numbers = {"spiffe_sequence": sequence, "spiffe_refresh_hint": hint}
    present = {name: value for name, value in numbers.items() if value}
    return json.dumps({"keys": keys, **present}, indent=4).encode()


class Partner:
    """A trust domain run by SPIRE: roots of all kinds, one below an authority of a company."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        self.ca = TestCa(PARTNER, now=now)
        others = (
            TestCa(PARTNER, now=now, kind=KeyType.EC_P384),
            TestCa(PARTNER, now=now, kind=KeyType.RSA_2048),
            TestCa(PARTNER, now=now, uris=[], subject="Example Corp Root"),
        )
        self.authorities = (self.ca, *others)
        self.jwt_authorities = (
            JwtAuthority("DKUGxX1tO8h4nYpVvkhCZ2KR6J0cnwTB", self.ca.jwt_authority.public_key),
            JwtAuthority("cG9k-1", others[1].jwt_authority.public_key),
        )

    @property
    def keys(self) -> list[dict[str, Any]]:
        roots = [_root(each.root) for each in self.authorities]
        return roots + [_jwt_key(each.key_id, each.public_key) for each in self.jwt_authorities]

    def context(self, folder: Path) -> ssl.SSLContext:
        return server_context(folder, self.ca.issue(SERVER))


@pytest.fixture(scope="module")
def partner() -> Partner:
    return Partner()


def _holds_all(federation: Federation, partner: Partner) -> bool:
    bundle = federation.bundles.bundles[PARTNER]
    return (
        bundle.x509_authorities == tuple(each.root for each in partner.authorities)
        and bundle.jwt_authorities == partner.jwt_authorities
    )


async def test_each_kind_of_key_is_taken_from_its_endpoint(
    partner: Partner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = _published(partner.keys, sequence=7, hint=600)
    async with endpoint(partner.context(tmp_path), says(whole(body))) as server:
        one = relationship(server.url())
        async with federating(tmp_path, one, held=partner.ca.bundle(sequence=6)) as federation:
            assert (await federation.polled())["error"] == ""
            assert _holds_all(federation, partner)
            bundle = federation.bundles.bundles[PARTNER]
            assert (bundle.sequence, bundle.refresh_hint) == (7, _HINT)
            assert federation.clock.waits[-1] == _HINT
            server.talk = says(whole(_published(partner.keys[:1], sequence=8, hint=600)))
            await federation.next_poll()
            assert federation.bundles.bundles[PARTNER].x509_authorities == (partner.ca.root,)
    assert [each for each in caplog.records if each.levelname == "WARNING"] == []


@pytest.mark.rows("BP-02", "BP-15", "FC-24", "FC-27")
async def test_without_sequence_and_hint_the_last_one_fetched_counts_for_five_minutes(
    partner: Partner, tmp_path: Path
) -> None:
    body = _published(partner.keys)
    async with endpoint(partner.context(tmp_path), says(whole(body))) as server:
        one = relationship(server.url())
        async with federating(tmp_path, one, held=partner.ca.bundle()) as federation:
            assert (await federation.polled())["bundle"]["sequence"] is None
            assert _holds_all(federation, partner)
            assert federation.clock.waits[-1] == timedelta(minutes=5)


async def test_jwt_keys_in_another_order_are_no_other_bundle(
    partner: Partner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Which a SPIRE Server makes of them at each fetch, under the same sequence."""
    *roots, one, other = partner.keys
    async with endpoint(
        partner.context(tmp_path), says(whole(_published([*roots, one, other], sequence=7)))
    ) as server:
        bootstrap = partner.ca.bundle(sequence=6)
        async with federating(tmp_path, relationship(server.url()), held=bootstrap) as federation:
            await federation.polled()
            assert _holds_all(federation, partner)
            server.talk = says(whole(_published([*roots, other, one], sequence=7)))
            assert (await federation.next_poll())["fetches"] == 2
            assert len(federation.told) == 1
    assert [each for each in caplog.records if each.levelname == "WARNING"] == []


async def test_no_keys_at_all_end_all_trust(partner: Partner, tmp_path: Path) -> None:
    body = _published([], sequence=7, hint=600)
    async with (
        endpoint(partner.context(tmp_path), says(whole(body))) as server,
        federating(
            tmp_path, relationship(server.url()), held=partner.ca.bundle(sequence=6)
        ) as federation,
    ):
        assert (await federation.polled())["error"] == ""
        assert federation.bundles.bundles[PARTNER].x509_authorities == ()


async def test_null_for_no_keys_is_refused_and_the_bundle_stays(
    partner: Partner, tmp_path: Path
) -> None:
    body, held = _published(None, hint=600), partner.ca.bundle(sequence=6)
    async with (
        endpoint(partner.context(tmp_path), says(whole(body))) as server,
        federating(tmp_path, relationship(server.url()), held=held) as federation,
    ):
        assert "keys is missing or not an array" in (await federation.polled())["error"]
        assert federation.bundles.bundles == {PARTNER: held}


async def test_an_operator_may_bring_it_but_not_the_keys_of_oidc(
    partner: Partner, tmp_path: Path
) -> None:
    one = relationship("https://127.0.0.1:1/")
    async with federating(tmp_path, one) as federation:
        operator = FederationAdministration(federation.polling)
        text = _published(partner.keys, sequence=7).decode()
        await operator.set({"trust_domain": "partner.example", "text": text})
        assert _holds_all(federation, partner)
        for key in (keys := partner.keys):
            del key["use"]
        with pytest.raises(BundleError, match=r"no key in it can be used: .*use is missing"):
            await operator.set(
                {"trust_domain": "partner.example", "text": json.dumps({"keys": keys})}
            )
