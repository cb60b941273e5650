"""Who gets through an inbound, and who does not, whatever the app speaks."""

from __future__ import annotations

import contextlib
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from support.ca import Issued, TestCa
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.sidecar import app, caller, grpc_app, http2, legacy_app, line_app
from support.sidecar.world import APP, FRONTEND, World
from support.sidecar_pair import free_port

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Profile, Protocol

_ALLOW = f'[{FRONTEND}, /ns/jobs/*, "spiffe://partner.example/*"]'
_JOB, _PARTNER = "spiffe://prod.example/ns/jobs/a", "spiffe://partner.example/x"
_ANYBODY = '["any identity of any trust domain"]'
_MINUTE = timedelta(minutes=1)
_TLS, _RBAC = "ssl.fail_verify", "rbac.*denied"


@dataclass
class Inbounds:
    """One sidecar with an inbound for each protocol, and one for anybody."""

    envoy: EnvoyProcess
    ports: dict[Protocol, Endpoint]
    anybody: Endpoint
    old_tls: Endpoint
    calls: Counter[str]

    def refusals(self, kind: str) -> int:
        return sum(self.envoy.stats(kind).values())


@pytest.fixture(scope="module", params=Profile, ids=lambda profile: profile.value)
def inbounds(world: World, request: pytest.FixtureRequest) -> Iterator[Inbounds]:
    profile: Profile = request.param
    with contextlib.ExitStack() as stack:
        apps = {each: free_port() for each in Protocol}
        for protocol, talk in (
            (Protocol.HTTP, legacy_app.talk),
            (Protocol.HTTP2, http2.talk),
            (Protocol.TCP, line_app.talk),
        ):
            stack.enter_context(app.serving(apps[protocol], talk))
        apps[Protocol.GRPC] = Endpoint("127.0.0.1", stack.enter_context(grpc_app.serving()))
        ports = {each: free_port() for each in Protocol}
        anybody, old_tls = free_port(), free_port()
        text = f"sidecar:\n  spiffe_id: {APP}\n  inbound:\n"
        for each, listen in ports.items():
            text += _inbound(listen, apps[each], each, _ALLOW)
        text += _inbound(anybody, apps[Protocol.HTTP], Protocol.HTTP, _ANYBODY)
        text += _inbound(old_tls, apps[Protocol.HTTP], Protocol.HTTP, _ALLOW)
        text += '      min_tls: "1.2"\n'
        before = world.sds.calls.copy()
        envoy = stack.enter_context(world.sidecar(f"app-{profile.value}", text, profile))
        yield Inbounds(envoy, ports, anybody, old_tls, world.sds.calls - before)


def _inbound(listen: Endpoint, to: Endpoint, protocol: Protocol, allow: str) -> str:
    return (
        f"    - listen: {listen}\n      app: {to}\n      protocol: {protocol.value}\n"
        f"      allow: {allow}\n"
    )


_ALLOWED: dict[str, Callable[[World], Issued]] = {
    "one allowed by its ID": lambda of: of.prod.issue(FRONTEND),
    "one below an allowed path": lambda of: of.prod.issue(_JOB),
    "one far below an allowed path": lambda of: of.prod.issue(f"{_JOB}/b/c.d_e-F"),
    "one of an allowed trust domain": lambda of: of.partner.issue(_PARTNER),
    "one with an intermediate": lambda of: of.prod.intermediate(now=of.now).issue(FRONTEND),
}

# Refused by TLS itself.
_UNKNOWN: dict[str, Callable[[World], Issued]] = {
    "self-made authority, right ID": lambda of: TestCa("prod.example", now=of.now).issue(FRONTEND),
    "self-made partner": lambda of: TestCa("partner.example", now=of.now).issue(_PARTNER),
    "right authority, wrong ID": lambda of: of.prod.issue("spiffe://prod.example/ns/web/sa/other"),
    "ID of the app itself": lambda of: of.prod.issue(APP),
    "ID that begins alike": lambda of: of.prod.issue(f"{FRONTEND}er"),
    "ID below an exact one": lambda of: of.prod.issue(f"{FRONTEND}/more"),
    "ID in upper case": lambda of: of.prod.issue(FRONTEND.replace("frontend", "Frontend")),
    "sibling path": lambda of: of.prod.issue("spiffe://prod.example/ns/jobs-evil/x"),
    "the path itself without anything below": lambda of: of.prod.issue(
        "spiffe://prod.example/ns/jobs"
    ),
    "federated trust domain that begins alike": lambda of: of.evil.issue(
        "spiffe://prod.example.evil/ns/web/sa/frontend"
    ),
    "trust domain that begins alike, of the own authority": lambda of: of.prod.issue(
        "spiffe://prod.example.evil/ns/web/sa/frontend"
    ),
    "federated authority, own ID": lambda of: of.partner.issue(FRONTEND),
    "own authority, federated ID": lambda of: of.prod.issue(_PARTNER),
    "federated authority, own ID first of two": lambda of: of.partner.issue(
        uris=[FRONTEND, _PARTNER]
    ),
    "expired": lambda of: of.prod.issue(FRONTEND, not_after=of.now - _MINUTE),
    "not valid yet": lambda of: of.prod.issue(FRONTEND, not_before=of.now + 30 * _MINUTE),
    "no URI SAN": lambda of: of.prod.issue(uris=[], dns_names=["frontend.prod.example"]),
    "no SAN at all": lambda of: of.prod.issue(uris=[], subject="frontend"),
    "an authority as leaf": lambda of: of.prod.issue(
        FRONTEND, ca=True, usage=("digital_signature", "key_cert_sign")
    ),
    "a leaf that may sign certificates": lambda of: of.prod.issue(
        FRONTEND, usage=("digital_signature", "key_cert_sign")
    ),
}

# They have an allowed ID and TLS lets them pass.
_AMBIGUOUS: dict[str, Callable[[World], Issued]] = {
    "federated authority, own ID second of two": lambda of: of.partner.issue(
        uris=["spiffe://partner.example/x", FRONTEND]
    ),
    "own authority, two IDs": lambda of: of.prod.issue(uris=[FRONTEND, _JOB]),
    "own authority, the same ID twice": lambda of: of.prod.issue(uris=[FRONTEND, FRONTEND]),
    "an ID and another URI": lambda of: of.prod.issue(uris=[FRONTEND, "https://prod.example/"]),
    "comma": lambda of: of.prod.issue(f"{_JOB},{FRONTEND}"),
    "end of an XFCC element": lambda of: of.partner.issue(f"{_PARTNER};URI={FRONTEND}"),
    "quotes": lambda of: of.partner.issue(f'{_PARTNER}";URI="{FRONTEND}'),
    "dot segments": lambda of: of.partner.issue(f"{_PARTNER}/../../etc"),
    "trailing slash": lambda of: of.partner.issue(f"{_PARTNER}/"),
    "empty path": lambda of: of.partner.issue("spiffe://partner.example/"),
    "percent-encoding": lambda of: of.partner.issue(f"{_PARTNER}%2Fa"),
    "query": lambda of: of.partner.issue(f"{_PARTNER}?a=b"),
}


@pytest.mark.parametrize("make", _ALLOWED.values(), ids=_ALLOWED)
def test_an_allowed_caller_gets_through(
    world: World, inbounds: Inbounds, make: Callable[[World], Issued]
) -> None:
    certificate = world.pem(make(world))
    for protocol, port in inbounds.ports.items():
        assert caller.is_served(protocol, port, certificate), protocol


@pytest.mark.parametrize("make", _UNKNOWN.values(), ids=_UNKNOWN)
def test_an_unknown_caller_is_refused_by_tls(
    world: World, inbounds: Inbounds, make: Callable[[World], Issued]
) -> None:
    _refused(inbounds, world.pem(make(world)), _TLS)


@pytest.mark.parametrize("make", _AMBIGUOUS.values(), ids=_AMBIGUOUS)
def test_a_caller_whose_certificate_holds_no_single_spiffe_id_is_refused(
    world: World, inbounds: Inbounds, make: Callable[[World], Issued]
) -> None:
    _refused(inbounds, world.pem(make(world)), _RBAC)


def test_a_caller_without_a_certificate_is_refused(inbounds: Inbounds) -> None:
    _refused(inbounds, None, "fail_verify_no_cert")


@pytest.mark.parametrize("protocol", Protocol, ids=lambda each: each.value)
def test_plaintext_is_refused(inbounds: Inbounds, protocol: Protocol) -> None:
    assert not caller.is_served_plain(protocol, inbounds.ports[protocol])


def test_anybody_is_everybody_with_an_id_of_a_known_trust_domain(
    world: World, inbounds: Inbounds
) -> None:
    for issued in (
        world.evil.issue("spiffe://prod.example.evil/any"),
        *(make(world) for make in _ALLOWED.values()),
    ):
        assert caller.is_served(Protocol.HTTP, inbounds.anybody, world.pem(issued))
    stranger = TestCa("elsewhere.example", now=world.now)
    for issued in (
        TestCa("prod.example", now=world.now).issue(FRONTEND),
        stranger.issue("spiffe://elsewhere.example/x"),
        world.partner.issue(FRONTEND),
        *(make(world) for make in _AMBIGUOUS.values()),
    ):
        assert not caller.is_served(Protocol.HTTP, inbounds.anybody, world.pem(issued))
    assert not caller.is_served(Protocol.HTTP, inbounds.anybody, None)


def test_old_tls_is_for_those_inbounds_that_say_so(world: World, inbounds: Inbounds) -> None:
    good = world.pem(world.prod.issue(FRONTEND))
    bad = world.pem(world.prod.issue("spiffe://prod.example/ns/web/sa/other"))
    two = ssl.TLSVersion.TLSv1_2
    for protocol, port in inbounds.ports.items():
        assert not caller.is_served(protocol, port, good, newest=two)
    assert caller.is_served(Protocol.HTTP, inbounds.old_tls, good, newest=two)
    assert caller.is_served(Protocol.HTTP, inbounds.old_tls, good)
    assert not caller.is_served(Protocol.HTTP, inbounds.old_tls, bad, newest=two)
    assert not caller.is_served(Protocol.HTTP, inbounds.old_tls, None, newest=two)


@pytest.mark.parametrize("profile", Profile, ids=lambda each: each.value)
def test_a_file_without_an_id_takes_the_agents_default(world: World, profile: Profile) -> None:
    at, listen = free_port(), free_port()
    text = "sidecar:\n  trust_domain: prod.example\n  inbound:\n"
    text += _inbound(listen, at, Protocol.HTTP, f"[{FRONTEND}]")
    certificate = world.pem(world.prod.issue(FRONTEND))
    with (
        app.serving(at, legacy_app.talk),
        world.sidecar(f"default-{profile.value}", text, profile),
        caller.connect(listen, certificate) as sock,
    ):
        assert f"By={APP};" in caller.get(sock).body.decode()


def test_the_agent_is_asked_as_the_profile_says(inbounds: Inbounds) -> None:
    spire = "app-spire" in inbounds.envoy.folder.name
    assert set(inbounds.calls) == {"StreamSecrets" if spire else "DeltaSecrets"}
    names = " ".join(inbounds.envoy.stats(r"^sds\..*update_success"))
    assert "sds.ALL." in names
    # What SPIRE cannot give together it gives with all others.
    assert ("sds.spiffe_partner.example,spiffe_prod.example." in names) is not spire


def _refused(inbounds: Inbounds, certificate: Path | None, by: str) -> None:
    """Check that nobody answers, and that the part of Envoy that should has refused."""
    before = inbounds.refusals(by)
    for protocol, port in inbounds.ports.items():
        assert not caller.is_served(protocol, port, certificate), protocol
    expected = before + len(inbounds.ports)
    wait_until(lambda: inbounds.refusals(by) == expected, 30, f"{by} counted")
