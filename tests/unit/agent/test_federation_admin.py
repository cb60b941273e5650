"""What administrators may do to bundles of relationships, on real objects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.ca import TestCa
from support.clock import FakeClock
from support.federating import PARTNER, relationship

from accredit.agent.federation_admin import FederationAdministration
from accredit.authority.federation.bundles import FederatedBundles
from accredit.authority.federation.polling import BundlePolling, Fetch
from accredit.authority.federation.relationship import FederationSettings
from accredit.identity.bundle import encode_bundle
from accredit.identity.errors import AccreditError, BundleError, NotFoundError, RequestError

_ONE = relationship("https://partner.example/")
_CA = TestCa(PARTNER)
_OTHER = encode_bundle(TestCa("b.example").bundle()).decode()


def _no_fetcher(settings: FederationSettings) -> Fetch:
    raise AssertionError(f"nothing runs here: {settings}")


@pytest.fixture
def polling(tmp_path: Path) -> Iterator[BundlePolling]:
    clock, settings = FakeClock(), FederationSettings((_ONE,))
    path = tmp_path / "federation.db"
    with closing(FederatedBundles.open(path, settings.relationships, clock)) as bundles:
        yield BundlePolling(bundles, settings, _no_fetcher, clock)


async def ask(polling: BundlePolling, method: str, **params: object) -> Any:
    return await FederationAdministration(polling).methods[method](params)


@pytest.mark.parametrize("text", [encode_bundle(_CA.bundle()), _CA.bundle().x509_pem])
async def test_a_bundle_is_set_from_a_document_or_pem_and_deleted(
    polling: BundlePolling, text: bytes
) -> None:
    answer = await ask(
        polling, "bundle.set", trust_domain="spiffe://partner.example", text=text.decode()
    )
    assert answer == {"warnings": []}
    [view] = await ask(polling, "bundle.list")
    assert (view["bundle"]["origin"], view["bundle"]["x509_authorities"]) == ("operator", 1)
    assert await ask(polling, "bundle.delete", trust_domain="partner.example") == {}
    [view] = await ask(polling, "bundle.list")
    assert view["bundle"] is None


async def test_what_is_odd_about_a_bundle_is_told(polling: BundlePolling) -> None:
    text = encode_bundle(_CA.bundle()).replace(b'"keys":[', b'"keys":[{},').decode()
    answer = await ask(polling, "bundle.set", trust_domain="partner.example", text=text)
    assert answer == {"warnings": ["keys[0] ignored: use is missing or unknown"]}


@pytest.mark.parametrize(
    ("params", "kind", "reason"),
    [
        ({"trust_domain": "A", "text": '{"keys": []}'}, RequestError, "not a SPIFFE ID"),
        ({"text": '{"keys": []}'}, RequestError, "not a SPIFFE ID"),
        ({"trust_domain": "partner.example"}, BundleError, "not JSON"),
        ({"trust_domain": "partner.example", "text": '{"keys": []}'}, BundleError, "it is empty"),
        ({"trust_domain": "b.example", "text": _OTHER}, NotFoundError, "no relationship"),
        ({"trust_domain": "partner.example", "text": _OTHER}, BundleError, "a root of 'spiffe://b"),
    ],
)
async def test_what_cannot_be_set_is_refused_with_the_reason(
    params: dict[str, str], kind: type[AccreditError], reason: str, polling: BundlePolling
) -> None:
    with pytest.raises(kind, match=reason):
        await ask(polling, "bundle.set", **params)
