from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from cryptography import x509
from support.clock import FakeClock
from support.entries import entry
from support.fake_authority import FakeAuthority

from accredit.authority.entry import Entry
from accredit.identity.errors import AuthorityUnavailableError, X509SvidError
from accredit.identity.keys import KeyType, PublicKey, generate, key_id
from accredit.identity.x509_verify import verify_x509_svid
from accredit.rotation.issuer import Issuer
from accredit.rotation.settings import RotationSettings

WEB = entry("/web", ttl=timedelta(hours=1), dns_names=("web.example",))


def issuer(authority: FakeAuthority, clock: FakeClock, **settings: object) -> Issuer:
    return Issuer(authority, clock, RotationSettings(**settings))  # type: ignore[arg-type]


async def test_an_svid_verifies_against_the_bundle() -> None:
    clock = FakeClock()
    authority = FakeAuthority(clock, WEB)
    svid = await issuer(authority, clock).issue(WEB)
    assert verify_x509_svid(svid.chain, authority.bundles, clock.now()) == WEB.spiffe_id
    assert svid.not_after == clock.now() + WEB.x509_ttl


async def test_each_svid_has_a_key_of_its_own() -> None:
    clock = FakeClock()
    maker = issuer(FakeAuthority(clock, WEB), clock)
    keys = {key_id((await maker.issue(WEB)).key.public_key()) for _ in range(3)}
    assert len(keys) == 3


async def test_the_kind_of_key_is_a_setting() -> None:
    clock = FakeClock()
    maker = issuer(FakeAuthority(clock, WEB), clock, key_type=KeyType.RSA_2048)
    assert (await maker.issue(WEB)).key.key_size == 2048


async def test_an_authority_that_hangs_is_not_waited_for_for_ever() -> None:
    clock = FakeClock()
    authority = FakeAuthority(clock, WEB)
    authority.open.clear()
    maker = issuer(authority, clock, sign_timeout=timedelta(milliseconds=10))
    with pytest.raises(AuthorityUnavailableError, match=r"no answer within 0\.01 s"):
        await maker.issue(WEB)


class MistakenAuthority(FakeAuthority):
    """Signs another key, or for another entry, than it was asked to."""

    key: PublicKey | None = None
    instead: Entry | None = None

    async def sign_x509(self, entry: Entry, public_key: PublicKey) -> Sequence[x509.Certificate]:
        return await super().sign_x509(self.instead or entry, self.key or public_key)


async def test_a_certificate_for_another_key_is_refused() -> None:
    clock = FakeClock()
    authority = MistakenAuthority(clock, WEB)
    authority.key = generate(KeyType.EC_P256).public_key()
    with pytest.raises(X509SvidError, match="the private key does not fit the leaf"):
        await issuer(authority, clock).issue(WEB)


async def test_a_certificate_for_somebody_else_is_refused() -> None:
    clock = FakeClock()
    authority = MistakenAuthority(clock, WEB)
    authority.instead = entry("/other")
    with pytest.raises(X509SvidError, match=r"the leaf names spiffe://prod\.example/other"):
        await issuer(authority, clock).issue(WEB)


async def test_an_svid_that_has_ended_already_is_refused() -> None:
    clock, behind = FakeClock(), FakeClock()
    behind.jump(timedelta(hours=-2))
    with pytest.raises(AuthorityUnavailableError, match="compare the clocks"):
        await issuer(FakeAuthority(behind, WEB), clock).issue(WEB)


async def test_who_stops_waiting_leaves_nothing_behind() -> None:
    clock = FakeClock()
    authority = FakeAuthority(clock, WEB)
    authority.open.clear()
    async with asyncio.TaskGroup() as tasks:
        issuing = tasks.create_task(issuer(authority, clock).issue(WEB))
        await asyncio.sleep(0)
        issuing.cancel()
    assert authority.signed == 0
