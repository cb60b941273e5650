"""Bundles fetched from real servers, under both profiles of SPIFFE Federation."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support.bundle_endpoint import Endpoint, document, endpoint, redirect, says, server_context
from support.ca import Issued, TestCa, from_now
from support.eventually import eventually
from support.federating import PARTNER, SERVER, federating, relationship

from accredit.agent.federation_admin import FederationAdministration
from accredit.authority.federation.relationship import FederationSettings, Profile
from accredit.identity.bundle import bundle_document, encode_bundle
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

_WEB = Profile.WEB
_MONTH = timedelta(days=30)


def of_now(trust_domain: TrustDomain | str) -> TestCa:
    return TestCa(trust_domain, now=datetime.now(UTC), **from_now(not_after=_MONTH))


@pytest.fixture
def partner() -> TestCa:
    return of_now(PARTNER)


@pytest.fixture
async def server(partner: TestCa, tmp_path: Path) -> AsyncIterator[Endpoint]:
    """The partner's own endpoint, which serves with an SVID of its own."""
    context = server_context(tmp_path, partner.issue(SERVER, **from_now(not_after=_MONTH)))
    async with endpoint(context, says(document(partner.bundle(sequence=7)))) as found:
        yield found


def for_address(ca: TestCa, address: str = "127.0.0.1", **defects: Any) -> Issued:
    """Return what the web has: a certificate for an address, and no SPIFFE ID."""
    name = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))])
    return ca.issue(SERVER, **{"uris": [], "extra": [(name, False)], **from_now(**defects)})


def roots(folder: Path, ca: TestCa) -> Path:
    path = folder / "roots.pem"
    path.write_bytes("# our partner é\n".encode() + ca.root.public_bytes(Encoding.PEM))
    return path


def bootstrap(folder: Path, ca: TestCa, *, pem: bool = False) -> Path:
    path = folder / "bootstrap"
    path.write_bytes(ca.bundle().x509_pem if pem else encode_bundle(ca.bundle(sequence=1)))
    path.chmod(0o600)
    return path


@pytest.mark.rows("FC-01", "FC-08", "FC-09", "FC-10", "FC-12", "FC-17", "FC-34")
async def test_a_partner_that_serves_its_own_bundle_is_verified_with_the_bootstrap_bundle_first(
    server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    one = relationship(server.url(), bootstrap_bundle=bootstrap(tmp_path, partner))
    async with federating(tmp_path, one) as federation:
        view = await federation.polled()
        assert federation.bundles.bundles == {PARTNER: partner.bundle(sequence=7)}
    assert (view["error"], view["bundle"]["origin"]) == ("", "endpoint")


@pytest.mark.rows("FC-11")
async def test_a_bootstrap_bundle_may_be_pem(
    server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    one = relationship(server.url(), bootstrap_bundle=bootstrap(tmp_path, partner, pem=True))
    async with federating(tmp_path, one) as federation:
        assert (await federation.polled())["bundle"]["sequence"] == 7


@pytest.mark.rows("FC-01", "FC-06", "FC-30")
async def test_a_server_of_the_web_is_verified_by_roots_and_its_name(
    partner: TestCa, tmp_path: Path
) -> None:
    web = of_now("web.example")
    context = server_context(tmp_path, for_address(web))
    async with endpoint(context, says(document(partner.bundle(sequence=7)))) as server:
        one = relationship(server.url(), _WEB, ca_file=roots(tmp_path, web))
        async with federating(tmp_path, one) as federation:
            assert (await federation.polled())["error"] == ""
            assert federation.bundles.bundles == {PARTNER: partner.bundle(sequence=7)}
            server.talk = says(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
            for failures in (1, 2):
                assert (await federation.next_poll())["failures"] == failures
                assert federation.clock.waits[-1] == timedelta(minutes=5)
            assert server.connections == 3


@pytest.mark.rows("FC-07")
@pytest.mark.parametrize(
    ("defects", "trusted", "error"),
    [
        ({}, False, "self-signed certificate|unable to get local issuer certificate"),
        ({"address": "127.0.0.2"}, True, "IP address mismatch"),
        ({"extra": []}, True, "IP address mismatch"),
        ({"not_after": -timedelta(minutes=1)}, True, "certificate has expired"),
    ],
)
async def test_a_server_of_the_web_that_cannot_be_verified_is_asked_nothing(
    defects: dict[str, Any], trusted: bool, error: str, partner: TestCa, tmp_path: Path
) -> None:
    web = of_now("web.example")
    context = server_context(tmp_path, for_address(web, **defects))
    ca_file = roots(tmp_path, web) if trusted else None
    async with endpoint(context, says(document(partner.bundle()))) as server:
        one = relationship(server.url(), _WEB, ca_file=ca_file)
        async with federating(tmp_path, one) as federation:
            assert re.search(error, (await federation.polled())["error"])
            assert federation.bundles.bundles == {}
        assert server.requests == []


@pytest.mark.rows("FC-13", "FC-25", "FC-32")
async def test_the_newest_bundle_verifies_the_next_connection_after_a_restart_too(
    server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    first = bootstrap(tmp_path, partner)
    one = relationship(server.url(), bootstrap_bundle=first)
    new = of_now(PARTNER)
    server.talk = says(document(new.bundle(sequence=8)))
    async with federating(tmp_path, one) as federation:
        await federation.polled()
        assert federation.bundles.bundles == {PARTNER: new.bundle(sequence=8)}
        view = await federation.next_poll()
        assert "not a valid X.509-SVID" in view["error"]
    async with federating(tmp_path, one) as federation:
        assert "not a valid X.509-SVID" in (await federation.polled())["error"]
        assert federation.bundles.bundles == {PARTNER: new.bundle(sequence=8)}
    assert len(server.requests) == 1


@pytest.mark.rows("FC-08")
async def test_without_a_bundle_of_the_endpoint_there_is_no_connection(
    server: Endpoint, tmp_path: Path
) -> None:
    async with federating(tmp_path, relationship(server.url())) as federation:
        error = (await federation.polled())["error"]
    assert error.startswith("nothing fetched: no X.509 authority of partner.example is here")
    assert error.endswith("or run: accredit bundle set partner.example FILE")
    assert server.connections == 0


async def test_a_bundle_that_an_operator_sets_verifies_the_endpoint_at_once(
    server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    async with federating(tmp_path, relationship(server.url())) as federation:
        assert (await federation.polled())["failures"] == 1
        operator = FederationAdministration(federation.polling)
        pem = partner.bundle().x509_pem.decode()
        await operator.set({"trust_domain": "partner.example", "text": pem})
        await eventually(lambda: federation.view["error"] == "")
        assert federation.bundles.bundles == {PARTNER: partner.bundle(sequence=7)}
        await operator.delete({"trust_domain": "partner.example"})
        await eventually(lambda: federation.view["failures"] == 1)
    assert len(server.requests) == 1


@pytest.mark.rows("FC-09", "FC-03")
@pytest.mark.parametrize(
    ("spiffe_id", "error"),
    [
        ("spiffe://partner.example/another", "the server is spiffe://partner.example/another"),
        ("spiffe://partner.example", "not a valid X.509-SVID"),
        ("spiffe://other.example/bundle-endpoint", "no X.509 authority of other.example is known"),
    ],
)
async def test_any_other_id_is_refused_before_anything_is_asked(
    spiffe_id: str, error: str, partner: TestCa, tmp_path: Path
) -> None:
    context = server_context(tmp_path, partner.issue(spiffe_id))
    async with endpoint(context, says(document(partner.bundle(sequence=9)))) as server:
        one = relationship(server.url(), bootstrap_bundle=bootstrap(tmp_path, partner))
        async with federating(tmp_path, one) as federation:
            assert error in (await federation.polled())["error"]
            assert federation.bundles.bundles == {PARTNER: partner.bundle(sequence=1)}
        assert (server.requests, server.connections) == ([], 1)


async def test_an_svid_below_an_intermediate_authority_is_verified_with_its_chain(
    partner: TestCa, tmp_path: Path
) -> None:
    lasting = from_now(not_before=-timedelta(minutes=1), not_after=_MONTH)
    issued = partner.intermediate().issue(SERVER, **lasting)
    context = server_context(tmp_path, issued)
    async with endpoint(context, says(document(partner.bundle(sequence=9)))) as server:
        one = relationship(server.url(), bootstrap_bundle=bootstrap(tmp_path, partner))
        async with federating(tmp_path, one) as federation:
            view = await federation.polled()
            assert (view["error"], view["bundle"]["sequence"]) == ("", 9)


@pytest.mark.rows("FC-15", "FC-16")
async def test_an_endpoint_of_a_third_trust_domain_is_verified_with_the_newest_bundle_of_that(
    partner: TestCa, tmp_path: Path
) -> None:
    third = TrustDomain("third.example")
    web, old, new = (of_now(name) for name in ("web.example", third, third))
    name = SpiffeId(third, "/server")
    async with (
        endpoint(
            server_context(tmp_path, for_address(web)), says(document(old.bundle(sequence=1)))
        ) as of_third,
        endpoint(
            server_context(tmp_path, new.issue(name)), says(document(partner.bundle(sequence=7)))
        ) as of_partner,
    ):
        both = (
            relationship(of_third.url(), _WEB, trust_domain=third, ca_file=roots(tmp_path, web)),
            relationship(of_partner.url(), endpoint_spiffe_id=name),
        )
        async with federating(tmp_path, *both) as federation:
            await federation.polled(2)
            assert PARTNER not in federation.bundles.bundles
            of_third.talk = says(document(new.bundle(sequence=2)))
            federation.clock.advance(timedelta(minutes=6))
            await federation.polled(2)
            federation.clock.advance(timedelta(minutes=6))
            await federation.polled(2)
            assert federation.bundles.bundles[PARTNER] == partner.bundle(sequence=7)


@pytest.mark.rows("FC-18", "FC-19", "FC-20", "FC-21")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_and_forgotten(
    status: int, server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    context = server_context(tmp_path, partner.issue(SERVER))
    async with endpoint(context, says(redirect(status, server.url("/there")))) as first:
        one = relationship(first.url(), bootstrap_bundle=bootstrap(tmp_path, partner))
        async with federating(tmp_path, one) as federation:
            assert (await federation.polled())["bundle"]["sequence"] == 7
            first.talk = says(document(partner.bundle(sequence=8)))
            assert (await federation.next_poll())["bundle"]["sequence"] == 8
        assert (len(first.requests), len(server.requests)) == (2, 1)
        assert server.requests[0].startswith(b"GET /there HTTP/1.1\r\nHost: 127.0.0.1:")


@pytest.mark.rows("FC-38")
async def test_following_redirects_can_be_switched_off(
    server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    server.talk = says(redirect(302, "/there"))
    first = bootstrap(tmp_path, partner)
    one = relationship(server.url(), bootstrap_bundle=first, follow_redirects=False)
    async with federating(tmp_path, one) as federation:
        assert (await federation.polled())["error"].endswith("follow_redirects is off")
    assert server.connections == 1


@pytest.mark.rows("FC-19")
async def test_the_target_of_a_redirect_has_to_be_the_same_server(
    server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    context = server_context(tmp_path, partner.issue("spiffe://partner.example/another"))
    async with endpoint(context, says(document(partner.bundle(sequence=9)))) as target:
        server.talk = says(redirect(302, target.url()))
        one = relationship(server.url(), bootstrap_bundle=bootstrap(tmp_path, partner))
        async with federating(tmp_path, one) as federation:
            assert (
                "the server is spiffe://partner.example/another"
                in (await federation.polled())["error"]
            )
        assert target.requests == []


@pytest.mark.rows("FC-07", "FC-19")
async def test_the_target_of_a_redirect_in_the_web_is_verified_by_its_own_name(
    partner: TestCa, tmp_path: Path
) -> None:
    web = of_now("web.example")
    context = server_context(tmp_path, for_address(web))
    async with endpoint(context, says(document(partner.bundle())), host="127.0.0.2") as target:
        elsewhere = says(redirect(302, target.url(host="127.0.0.2")))
        async with endpoint(context, elsewhere) as first:
            one = relationship(first.url(), _WEB, ca_file=roots(tmp_path, web))
            async with federating(tmp_path, one) as federation:
                error = (await federation.polled())["error"]
        assert error.startswith("127.0.0.2 is not verified: IP address mismatch")
        assert target.requests == []


@pytest.mark.rows("FC-22", "FC-23", "BP-14")
@pytest.mark.parametrize(
    ("hint", "interval"),
    [(60, 60), (0, 30), (1, 30), (10**9, 86400), (None, 300)],
)
async def test_the_next_poll_follows_the_refresh_hint_within_bounds(
    hint: int | None, interval: int, server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    wanted = None if hint is None else timedelta(seconds=hint)
    server.talk = says(document(partner.bundle(sequence=7, refresh_hint=wanted)))
    one = relationship(server.url(), bootstrap_bundle=bootstrap(tmp_path, partner))
    async with federating(tmp_path, one) as federation:
        await federation.polled()
        assert federation.clock.waits == [timedelta(seconds=interval)]
        await federation.next_poll()
    assert len(server.requests) == 2


@pytest.mark.rows("BM-06")
async def test_a_hint_inside_a_map_that_an_operator_brings_changes_no_interval(
    partner: TestCa, tmp_path: Path
) -> None:
    bundle = bundle_document(partner.bundle(refresh_hint=timedelta(minutes=1)))
    text = json.dumps({"trust_domains": {"partner.example": bundle}})
    async with federating(tmp_path, relationship("https://127.0.0.1:1/")) as federation:
        await FederationAdministration(federation.polling).set(
            {"trust_domain": "partner.example", "text": text}
        )
        assert federation.view["bundle"]["refresh_hint"] is None
        assert federation.view["interval"] == 300


@pytest.mark.rows("FC-33")
async def test_a_relationship_that_ends_takes_its_bundle_along_and_is_not_asked_again(
    server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    one = relationship(server.url(), bootstrap_bundle=bootstrap(tmp_path, partner))
    async with federating(tmp_path, one) as federation:
        await federation.polled()
        seen = []
        federation.bundles.subscribe(lambda: seen.append(dict(federation.bundles.bundles)))
        federation.polling.apply(FederationSettings())
        assert seen == [{}]
        federation.clock.advance(timedelta(days=2))
        await asyncio.sleep(0)
        assert federation.clock.next_wake is None
        server.talk = says(b"")
        federation.polling.apply(FederationSettings((one,)))
        assert federation.bundles.bundles == {PARTNER: partner.bundle(sequence=1)}
        await federation.polled()
    assert len(server.requests) == 2


async def test_a_relationship_that_ends_during_its_fetch_leaves_nothing(
    server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    asked = asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        writer.write(document(partner.bundle(sequence=9)))

    server.talk = late
    one = relationship(server.url(), bootstrap_bundle=bootstrap(tmp_path, partner))
    async with federating(tmp_path, one) as federation:
        await asked.wait()
        federation.polling.apply(FederationSettings())
        await server.over()
        assert federation.bundles.bundles == {}
        assert federation.polling.describe() == []


@pytest.mark.rows("FC-36")
async def test_each_fetch_is_logged(
    server: Endpoint, partner: TestCa, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    one = relationship(server.url(), bootstrap_bundle=bootstrap(tmp_path, partner))
    async with federating(tmp_path, one) as federation:
        await federation.polled()
        server.talk = says(b"")
        await federation.next_poll()
    good, bad = (each for each in caplog.records if each.name.endswith("fetch_log"))
    assert good.message == "federated bundle fetched"
    assert bad.message == "federated bundle not fetched; the last good one stays"
    for record in (good, bad):
        assert record.__dict__["trust_domain"] == "partner.example"
        assert record.__dict__["url"] == server.url()
        assert record.__dict__["peer"] == str(SERVER)
    assert good.__dict__["sequence"] == 7
    assert bad.__dict__["error"]


@pytest.mark.rows("FC-35")
@pytest.mark.parametrize(
    ("mode", "content", "error"),
    [
        (0o666, None, "can be written by every user"),
        (0o600, "", "holds no PEM"),
        (0o600, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no PEM"),
        (0o600, "\u00e9", "holds no PEM"),
    ],
)
async def test_roots_of_the_web_that_cannot_be_used_are_an_error_and_no_connection(
    mode: int, content: str | None, error: str, partner: TestCa, tmp_path: Path
) -> None:
    web = of_now("web.example")
    ca_file = roots(tmp_path, web)
    if content is not None:
        ca_file.write_text(content)
    ca_file.chmod(mode)
    context = server_context(tmp_path, for_address(web))
    async with endpoint(context, says(document(partner.bundle()))) as server:
        one = relationship(server.url(), _WEB, ca_file=ca_file)
        async with federating(tmp_path, one) as federation:
            view = await federation.polled()
            assert view["error"].startswith(f"ca_file cannot be used: {ca_file}: ")
            assert error in view["error"]
        assert server.connections == 0
