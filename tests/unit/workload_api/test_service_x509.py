from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from support.ca import TestCa
from support.entries import entry
from support.fake_workload import FakeWorkload
from support.running import quiet, running
from support.workload_api import WorkloadApiBench

from accredit.identity.errors import NotEntitledError, UnavailableError
from accredit.identity.trust_bundle import TrustBundle
from accredit.identity.x509_verify import split_der, verify_x509_svid

PARTNER = TestCa("partner.example")
PARTNER_ID = "spiffe://partner.example"
OWN_ID = "spiffe://prod.example"
HALF = timedelta(minutes=33)  # past the renewal of an hour's SVID, before its end


def ids(message: Any) -> list[str]:
    return [svid.spiffe_id.removeprefix(OWN_ID) for svid in message.svids]


def chains(message: Any) -> list[bytes]:
    return [svid.x509_svid for svid in message.svids]


def federated_bench(*paths: str) -> WorkloadApiBench:
    bench = WorkloadApiBench(
        *(entry(path, federates_with=("partner.example",)) for path in paths or ("/web",))
    )
    bench.authority.set_bundle(PARTNER.bundle())
    return bench


@pytest.mark.rows("XS-02", "XS-03", "XS-08", "XS-09")
async def test_each_identity_comes_whole() -> None:
    bench = WorkloadApiBench(entry("/a"), entry("/b"), entry("/c"))
    message = await bench.ask("FetchX509SVID")
    assert ids(message) == ["/a", "/b", "/c"]
    for svid in message.svids:
        (leaf,) = split_der(svid.x509_svid)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [svid.spiffe_id]
        key = serialization.load_der_private_key(svid.x509_svid_key, password=None)
        assert key.public_key() == leaf.public_key()
        assert svid.bundle
        assert svid.hint == ""


@pytest.mark.rows("XS-06")
async def test_the_key_is_pkcs8_der() -> None:
    (svid,) = (await WorkloadApiBench(entry("/web")).ask("FetchX509SVID")).svids
    key = serialization.load_der_private_key(svid.x509_svid_key, password=None)
    der, pkcs8 = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    assert key.private_bytes(der, pkcs8, plain) == svid.x509_svid_key


@pytest.mark.rows("XS-07")
async def test_the_bundle_is_every_root_of_the_own_trust_domain() -> None:
    bench = WorkloadApiBench(entry("/web"))
    bench.authority.rotate()
    (svid,) = (await bench.ask("FetchX509SVID")).svids
    roots = bench.authority.bundles[bench.authority.trust_domain].x509_authorities
    assert split_der(svid.bundle) == roots
    assert len(roots) == 2


@pytest.mark.rows("XS-10")
async def test_of_two_entries_with_one_hint_the_older_keeps_it_and_both_are_served() -> None:
    bench = WorkloadApiBench(
        entry("/a"), entry("/b", hint="internal"), entry("/c", hint="internal"), entry("/d")
    )
    message = await bench.ask("FetchX509SVID")
    assert ids(message) == ["/a", "/b", "/c", "/d"]
    assert [svid.hint for svid in message.svids] == ["", "internal", "", ""]


@pytest.mark.rows("WC-21")
async def test_the_default_comes_first_and_the_order_survives_rotation_and_restart() -> None:
    entries = [entry("/c"), entry("/b"), entry("/a", default=True)]
    bench = WorkloadApiBench(*entries)
    stream = bench.call("FetchX509SVID")
    async with running(bench.identities, stream):
        await quiet()
        bench.clock.advance(HALF)
        await quiet()
    orders = [ids(message) for message in stream.seen]
    orders.append(ids(await WorkloadApiBench(*entries).ask("FetchX509SVID")))
    assert len(orders) >= 3
    assert set(map(tuple, orders)) == {("/a", "/c", "/b")}


@pytest.mark.rows("WC-09", "XS-15", "XS-19")
async def test_when_one_svid_is_renewed_the_message_has_all_of_them_and_all_bundles() -> None:
    long = timedelta(hours=10)
    bench = WorkloadApiBench(
        entry("/a", ttl=long, federates_with=("partner.example",)),
        entry("/b"),
        entry("/c", ttl=long),
    )
    bench.authority.set_bundle(PARTNER.bundle())
    stream = bench.call("FetchX509SVID")
    async with running(bench.identities, stream):
        await quiet()
        bench.clock.advance(HALF)
        await quiet()
    first, second = stream.seen
    assert ids(second) == ["/a", "/b", "/c"]
    kept = [one == other for one, other in zip(chains(first), chains(second), strict=True)]
    assert kept == [True, False, True]
    assert second.federated_bundles == first.federated_bundles
    assert PARTNER_ID in second.federated_bundles


@pytest.mark.rows("XS-19")
async def test_a_change_of_a_bundle_brings_one_message() -> None:
    bench = federated_bench()
    stream = bench.call("FetchX509SVID")
    async with running(bench.identities, stream):
        await quiet()
        bench.authority.set_bundle(TestCa("partner.example").bundle())
        await quiet()
        own = bench.authority.bundles[bench.authority.trust_domain]
        root = TestCa("prod.example").root
        bench.authority.set_bundle(
            TrustBundle(own.trust_domain, (*own.x509_authorities, root), own.jwt_authorities)
        )
        await quiet()
    first, partner_changed, own_changed = stream.seen
    assert partner_changed.federated_bundles != first.federated_bundles
    assert partner_changed.svids == first.svids
    assert root in split_der(own_changed.svids[0].bundle)
    assert chains(own_changed) == chains(first)


@pytest.mark.rows("WC-10", "XS-19", "XB-10")
async def test_a_new_revocation_list_brings_one_message_to_those_who_watch_certificates() -> None:
    bench = federated_bench()
    svids, bundles = bench.call("FetchX509SVID"), bench.call("FetchX509Bundles")
    jwt_bundles = bench.call("FetchJWTBundles")
    async with running(bench.identities, svids, bundles, jwt_bundles):
        await quiet()
        own = bench.authority.bundles[bench.authority.trust_domain]
        for number in (1, 2):
            bench.authority.set_bundle(replace(own, crls=(TestCa("prod.example").crl(number),)))
            await quiet()
    assert [len(stream.seen) for stream in (svids, bundles, jwt_bundles)] == [3, 3, 1]
    for stream in (svids, bundles):
        none, one, other = (list(each.crl) for each in stream.seen)
        assert (none, len(one), len(other)) == ([], 1, 1)
        assert one != other
    assert chains(svids.seen[-1]) == chains(svids.seen[0])


@pytest.mark.rows("XS-19")
async def test_whose_svid_is_revoked_gets_one_with_a_new_key_on_the_same_stream() -> None:
    bench = WorkloadApiBench(entry("/web"))
    stream = bench.call("FetchX509SVID")
    async with running(bench.identities, stream):
        await quiet()
        (leaf,) = split_der(stream.seen[0].svids[0].x509_svid)
        bench.authority.revoke(leaf.serial_number)
        await quiet()
    first, second = (message.svids[0] for message in stream.seen)
    assert first.x509_svid_key != second.x509_svid_key
    assert split_der(second.x509_svid)[0].serial_number != leaf.serial_number


@pytest.mark.rows("WC-10")
async def test_a_new_jwt_key_is_no_news_for_those_who_watch_certificates() -> None:
    bench = federated_bench()
    svids, bundles = bench.call("FetchX509SVID"), bench.call("FetchX509Bundles")
    jwt_bundles = bench.call("FetchJWTBundles")
    async with running(bench.identities, svids, bundles, jwt_bundles):
        await quiet()
        new_key = TestCa("partner.example").jwt_authority
        bench.authority.set_bundle(TrustBundle(PARTNER.trust_domain, (PARTNER.root,), (new_key,)))
        await quiet()
    assert [len(stream.seen) for stream in (svids, bundles, jwt_bundles)] == [1, 1, 2]


async def test_a_withdrawn_identity_and_a_withdrawn_partner_are_left_out() -> None:
    bench = federated_bench("/a", "/b")
    stream = bench.call("FetchX509SVID")
    async with running(bench.identities, stream):
        await quiet()
        bench.authority.set_entries(entry("/b"))
        await quiet()
    assert ids(stream.seen[-1]) == ["/b"]
    assert not stream.seen[-1].federated_bundles


@pytest.mark.rows("XS-01")
async def test_while_nobody_can_sign_there_is_an_error_and_no_empty_message() -> None:
    bench = WorkloadApiBench(entry("/web"))
    bench.authority.down = True
    with pytest.raises(UnavailableError, match=r"no X.509-SVID can be signed"):
        await bench.ask("FetchX509SVID")


async def test_what_can_be_had_is_served_while_the_rest_cannot_be_signed() -> None:
    bench = WorkloadApiBench(entry("/a"))
    stream = bench.call("FetchX509SVID")
    async with running(bench.identities, stream):
        await quiet()
        bench.authority.down = True
        bench.authority.set_entries(entry("/a"), entry("/b"))
        await quiet()
    assert stream.error is None
    assert all(ids(message) == ["/a"] for message in stream.seen)


async def test_an_expired_svid_is_not_served_however_long_the_outage() -> None:
    bench = WorkloadApiBench(entry("/web"))
    stream = bench.call("FetchX509SVID")
    async with running(bench.identities, stream):
        await quiet()
        bench.authority.down = True
        for _ in range(8):
            bench.clock.advance(timedelta(minutes=10))
            await quiet()
    assert len(stream.seen) == 1
    assert isinstance(stream.error, UnavailableError)


@pytest.mark.rows("WC-18", "XS-07")
async def test_what_is_served_verifies_to_the_bundle_beside_it() -> None:
    bench = WorkloadApiBench(entry("/web"))
    (svid,) = (await bench.ask("FetchX509SVID")).svids
    bundle = TrustBundle(bench.authority.trust_domain, split_der(svid.bundle))
    named = verify_x509_svid(
        split_der(svid.x509_svid), {bundle.trust_domain: bundle}, bench.clock.now()
    )
    assert str(named) == svid.spiffe_id


@pytest.mark.rows("XB-01", "XB-02")
async def test_bundles_are_the_own_and_the_federated_ones_by_trust_domain_id() -> None:
    bench = federated_bench()
    bundles = (await bench.ask("FetchX509Bundles")).bundles
    assert set(bundles) == {OWN_ID, PARTNER_ID}
    assert split_der(bundles[OWN_ID]) == (bench.authority.signer.root,)
    assert split_der(bundles[PARTNER_ID]) == (PARTNER.root,)


@pytest.mark.rows("XB-06", "JB-08")
@pytest.mark.parametrize("method", ["FetchX509Bundles", "FetchJWTBundles"])
async def test_a_change_of_one_bundle_brings_all_of_them(method: str) -> None:
    bench = federated_bench()
    stream = bench.call(method)
    async with running(bench.identities, stream):
        await quiet()
        bench.authority.set_bundle(TestCa("partner.example").bundle())
        await quiet()
    first, second = stream.seen
    assert set(second.bundles) == {OWN_ID, PARTNER_ID}
    assert second.bundles[OWN_ID] == first.bundles[OWN_ID]
    assert second.bundles[PARTNER_ID] != first.bundles[PARTNER_ID]


@pytest.mark.rows("XB-10", "JB-10")
@pytest.mark.parametrize("method", ["FetchX509Bundles", "FetchJWTBundles"])
async def test_a_renewed_svid_is_no_news_for_those_who_watch_bundles(method: str) -> None:
    bench = federated_bench()
    bundles, svids = bench.call(method), bench.call("FetchX509SVID")
    async with running(bench.identities, bundles, svids):
        await quiet()
        bench.clock.advance(HALF)
        await quiet()
    assert (len(bundles.seen), len(svids.seen)) == (1, 2)


@pytest.mark.rows("XB-03", "JB-05")
@pytest.mark.parametrize("method", ["FetchX509Bundles", "FetchJWTBundles"])
async def test_a_verifier_without_identity_gets_the_own_bundle_where_that_is_allowed(
    method: str,
) -> None:
    bench = WorkloadApiBench(
        entry("/web", federates_with=("partner.example",)), allow_unauthenticated_verifiers=True
    )
    bench.authority.set_bundle(PARTNER.bundle())
    stranger = FakeWorkload("unix:uid:6666")
    assert set((await bench.ask(method, workload=stranger)).bundles) == {OWN_ID}
    with pytest.raises(NotEntitledError, match="no registration entry"):
        await bench.ask("FetchX509SVID", workload=stranger)
