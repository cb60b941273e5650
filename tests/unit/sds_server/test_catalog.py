from __future__ import annotations

from datetime import timedelta

import pytest
from support.ca import TestCa
from support.clock import EPOCH
from support.entries import entry
from support.snapshots import TRUST_DOMAIN, snapshot
from support.tokens import TokenBench, no_tokens

from accredit.identity.bundle import TrustBundle
from accredit.rotation.held_token import Token
from accredit.rotation.snapshot import Snapshot
from accredit.rotation.token_follower import TokenFollower
from accredit.sds_server.catalog import Answer, SnapshotCatalog
from accredit.sds_server.names import Never, Parked
from accredit.sds_server.node import Node
from accredit.sds_server.recent import Recent
from accredit.sds_server.secrets import Kind, Secret
from accredit.sds_server.settings import SdsSettings

CA = TestCa(TRUST_DOMAIN)
API = entry("/api", hint="internal", order=1)
WEB = entry("/web", order=0)


def look_up(
    name: str,
    state: Snapshot,
    node: Node | None = None,
    at: timedelta = timedelta(),
    **settings: object,
) -> Answer:
    chosen = SdsSettings(**settings)  # type: ignore[arg-type]
    return SnapshotCatalog.of(state, node or Node(), chosen, no_tokens(), EPOCH + at).look_up(name)


def test_each_name_of_a_secret_gives_one_under_that_very_name() -> None:
    state = snapshot(CA, API, partners=[TestCa("partner.example")])
    for name in (
        "default",
        "hint:internal",
        "spiffe://prod.example/api",
        "ROOTCA",
        "ALL",
        "spiffe://prod.example",
        "spiffe://partner.example",
    ):
        answer = look_up(name, state)
        assert isinstance(answer, Secret)
        assert answer.name == name


def test_a_secret_is_made_once_per_snapshot_for_all_streams() -> None:
    state = snapshot(CA, API)
    for name in ("default", "ROOTCA"):
        assert look_up(name, state) is look_up(name, state)
        assert look_up(name, state) is not look_up(name, snapshot(CA, API))


def test_the_same_content_has_the_same_version_in_every_snapshot() -> None:
    first, second = (look_up("ROOTCA", snapshot(CA, API)) for _ in range(2))
    assert isinstance(first, Secret)
    assert isinstance(second, Secret)
    assert first.version == second.version


def test_wishes_of_one_envoy_do_not_reach_another_of_the_same_snapshot() -> None:
    state = snapshot(CA, WEB, API)
    mine = look_up("default", state, Node(hint="internal"))
    theirs = look_up("default", state)
    plain = look_up("ROOTCA", state, Node(plain_validation=True))
    spiffe = look_up("ROOTCA", state)
    assert isinstance(mine, Secret)
    assert isinstance(theirs, Secret)
    assert (mine.spiffe_id[-4:], theirs.spiffe_id[-4:]) == ("/api", "/web")
    assert isinstance(plain, Secret)
    assert isinstance(spiffe, Secret)
    assert plain.version != spiffe.version


def test_wishes_do_not_fill_the_memory_of_a_snapshot() -> None:
    state = snapshot(CA, API)
    for number in range(100):
        look_up("ROOTCA", state, Node(hint=f"hint-{number}"))
        look_up(f"hint:{number}", state)
        look_up(f"spiffe://prod.example/{number}", state)
    assert len(state._wire) == 1


def test_lists_of_trust_domains_are_made_once_and_do_not_fill_it_either() -> None:
    state = snapshot(CA, API)
    first = look_up("spiffe://prod.example,spiffe://x.example", state)
    assert isinstance(first, Secret)
    assert first.trust_domains == (TRUST_DOMAIN,)
    assert look_up("spiffe://prod.example,spiffe://x.example", state) is first
    for number in range(300):
        look_up(f"spiffe://prod.example,spiffe://x{number}.example", state)
    ((_, lists),) = state._wire.items()
    assert isinstance(lists, Recent)
    assert len(lists._kept) == 256
    assert look_up("spiffe://prod.example,spiffe://x.example", state) is not first


def test_a_secret_that_has_expired_is_not_given() -> None:
    state = snapshot(CA, API)
    assert isinstance(look_up("default", state), Secret)
    late = look_up("default", state, at=timedelta(hours=2))
    assert late == Parked("expired, and nobody can sign a new one", certificate=True, granted=True)
    assert isinstance(look_up("ROOTCA", state, at=timedelta(hours=2)), Secret)


def test_what_fails_its_check_is_parked_and_reported_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    state = snapshot(CA, API, bundle=TestCa(TRUST_DOMAIN).bundle())
    for _ in range(3):
        answer = look_up("default", state)
        assert isinstance(answer, Parked)
        assert answer.reason.startswith("failed the check before sending: not a valid X.509-SVID")
        assert (answer.granted, answer.failed) == (True, True)
    assert [record.message for record in caplog.records] == [
        "secret failed its check and is not sent"
    ]


def test_a_bundle_without_usable_roots_is_parked() -> None:
    empty = TrustBundle(CA.trust_domain)
    answer = look_up("ROOTCA", snapshot(CA, API, bundle=empty), disable_spiffe_cert_validation=True)
    assert isinstance(answer, Parked)
    assert "would be an empty validation context" in answer.reason


def test_an_authority_that_envoy_cannot_use_is_left_out_and_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    middle = CA.intermediate().certificate
    bundle = TrustBundle(CA.trust_domain, (CA.root, middle))
    assert isinstance(look_up("ROOTCA", snapshot(CA, API, bundle=bundle)), Secret)
    (record,) = caplog.records
    assert record.message == "authority is not a self-signed CA and is left out"
    assert vars(record)["serial"] == f"{middle.serial_number:x}"


def test_names_without_a_secret_keep_their_meaning() -> None:
    state = snapshot(CA, API)
    assert isinstance(look_up("file-root:system", state), Never)
    assert isinstance(look_up("spiffe://prod.example/db", state), Parked)


async def test_a_token_is_made_once_for_all_streams_and_again_when_it_is_replaced() -> None:
    bench, state = TokenBench(API), snapshot(CA, API)
    first, second = bench.follower(), bench.follower()

    def token(of: TokenFollower) -> Answer:
        now = bench.clock.now()
        return SnapshotCatalog.of(state, Node(), SdsSettings(), of, now).look_up("jwt:x")

    assert token(first) == Parked("nobody can sign it just now", granted=True)
    await first.obtain()
    old = token(first)
    assert isinstance(old, Secret)
    assert (old.name, old.kind) == ("jwt:x", Kind.TOKEN)
    assert token(second) is old
    bench.authority.rotate()
    await first.obtain()
    (held,) = bench.tokens
    await bench.tokens.tend(held)
    new = token(first)
    assert isinstance(new, Secret)
    assert new.version != old.version
    assert token(second) is new


async def test_a_token_that_fails_its_check_is_parked_and_reported_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = TokenBench(API)
    follower = bench.follower()
    follower.look_up(API, "x")
    (held,) = bench.tokens
    wrong = bench.authority.signer.jwt(API, ["y"], EPOCH)
    held.token = Token(wrong)
    state = snapshot(CA, API)
    for _ in range(3):
        catalog = SnapshotCatalog.of(state, Node(), SdsSettings(), follower, EPOCH)
        answer = catalog.look_up("jwt:x")
        assert isinstance(answer, Parked)
        assert answer.failed
        assert "eyJ" not in answer.reason
    assert [record.message for record in caplog.records] == [
        "secret failed its check and is not sent"
    ]
