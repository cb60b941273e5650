from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support.ca import TestCa
from support.clock import EPOCH, FakeClock
from support.embedded import TRUST_DOMAIN, SetEntries, opened
from support.entries import entry
from support.federating import relationship

from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.identity.bundle import encode_bundle
from accredit.identity.errors import JwtSvidError, StoreError
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.keys import KeyType, generate
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.x509_verify import verify_x509_svid

_KEY = generate(KeyType.EC_P256).public_key()
_HOUR, _SECOND = timedelta(hours=1), timedelta(seconds=1)
_PARTNER = TrustDomain("partner.example")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(EPOCH + timedelta(milliseconds=700))


@pytest.fixture
def authority(tmp_path: Path, clock: FakeClock) -> Iterator[EmbeddedAuthority]:
    with opened(tmp_path, clock) as found:
        yield found


def _lifetime(leaf: x509.Certificate) -> tuple[datetime, datetime]:
    return leaf.not_valid_before_utc, leaf.not_valid_after_utc


@pytest.mark.rows("SV-01", "BE-02", "BE-05")
def test_the_first_start_publishes_a_bundle(authority: EmbeddedAuthority) -> None:
    assert authority.trust_domain == TRUST_DOMAIN
    bundle = authority.bundles[TRUST_DOMAIN]
    assert len(bundle.x509_authorities) == len(bundle.jwt_authorities) == 1
    document = encode_bundle(bundle)
    assert b'"x509-svid"' in document
    assert b'"spiffe_sequence"' in document
    assert b'"spiffe_refresh_hint":300' in document


@pytest.mark.rows("SV-02", "SV-03", "SV-04", "XI-18", "XI-19", "XI-20")
async def test_root_and_leaf_are_of_one_trust_domain_and_the_root_has_no_path(
    authority: EmbeddedAuthority,
) -> None:
    (leaf,) = await authority.sign_x509(entry("/web"), _KEY)
    (root,) = authority.bundles[TRUST_DOMAIN].x509_authorities
    names = [
        each.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value.get_values_for_type(x509.UniformResourceIdentifier)
        for each in (root, leaf)
    ]
    assert names == [["spiffe://prod.example"], ["spiffe://prod.example/web"]]


@pytest.mark.rows("XI-22")
async def test_what_is_given_to_a_workload_is_a_leaf_and_never_a_signing_certificate(
    authority: EmbeddedAuthority,
) -> None:
    chain = await authority.sign_x509(entry("/web"), _KEY)
    basics = [
        each.extensions.get_extension_for_class(x509.BasicConstraints).value.ca for each in chain
    ]
    assert basics == [False]
    assert chain[0].public_key() == _KEY


async def test_an_x509_svid_verifies_and_lives_as_long_as_its_entry_says(
    authority: EmbeddedAuthority, clock: FakeClock
) -> None:
    web = entry("/web", ttl=2 * _HOUR, dns_names=("web.internal",))
    chain = await authority.sign_x509(web, _KEY)
    assert verify_x509_svid(chain, authority.bundles, clock.now()) == web.spiffe_id
    assert _lifetime(chain[0]) == (EPOCH - 10 * _SECOND, EPOCH + 2 * _HOUR)
    names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["web.internal"]


async def test_a_short_svid_begins_only_a_little_before_now(authority: EmbeddedAuthority) -> None:
    (leaf,) = await authority.sign_x509(entry("/web", ttl=20 * _SECOND), _KEY)
    assert _lifetime(leaf) == (EPOCH - 2 * _SECOND, EPOCH + 20 * _SECOND)
    (leaf,) = await authority.sign_x509(entry("/web", ttl=5 * _SECOND), _KEY)
    assert _lifetime(leaf) == (EPOCH, EPOCH + 5 * _SECOND)


async def test_no_x509_svid_lives_longer_than_the_settings_allow(
    authority: EmbeddedAuthority,
) -> None:
    (leaf,) = await authority.sign_x509(entry("/web", ttl=timedelta(days=20)), _KEY)
    assert leaf.not_valid_after_utc == EPOCH + timedelta(days=1)


@pytest.mark.rows("XI-27")
async def test_a_leaf_lies_within_the_validity_of_its_root(tmp_path: Path) -> None:
    """The root is not rotated here, so that it comes to its last ten minutes."""
    clock = FakeClock()
    with opened(tmp_path, clock) as authority:
        (root,) = authority.bundles[TRUST_DOMAIN].x509_authorities
        clock.jump(root.not_valid_before_utc - clock.now())
        (first,) = await authority.sign_x509(entry("/web", ttl=_HOUR), _KEY)
        assert _lifetime(first) == (root.not_valid_before_utc, clock.now() + _HOUR)
        clock.jump(root.not_valid_after_utc - timedelta(minutes=10) - clock.now())
        (last,) = await authority.sign_x509(entry("/web", ttl=_HOUR), _KEY)
        assert last.not_valid_after_utc == root.not_valid_after_utc


async def test_a_jwt_svid_verifies_and_lives_as_long_as_its_entry_says(
    authority: EmbeddedAuthority, clock: FakeClock
) -> None:
    web = entry("/web", jwt_ttl=timedelta(minutes=2))
    svid = await authority.sign_jwt(web, ["db", "cache"])
    found = validate_jwt_svid(svid.token, ["db"], authority.bundles, clock.now())
    assert found.spiffe_id == web.spiffe_id
    assert svid.audience == ("db", "cache")
    assert (svid.issued_at, svid.expires_at) == (EPOCH, EPOCH + timedelta(minutes=2))


@pytest.mark.rows("JI-15")
async def test_no_jwt_svid_lives_longer_than_the_settings_allow(tmp_path: Path) -> None:
    clock = FakeClock()
    day = entry("/web", jwt_ttl=timedelta(days=1))
    with opened(tmp_path, clock) as authority:
        svid = await authority.sign_jwt(day, ["db"])
        assert svid.expires_at == EPOCH + _HOUR
    settings = EmbeddedSettings(max_jwt_ttl=timedelta(minutes=10))
    with opened(tmp_path, clock, settings) as authority:
        svid = await authority.sign_jwt(day, ["db"])
        assert svid.expires_at == EPOCH + timedelta(minutes=10)


async def test_a_jwt_svid_without_an_audience_is_refused(authority: EmbeddedAuthority) -> None:
    with pytest.raises(JwtSvidError, match="the audience is empty"):
        await authority.sign_jwt(entry("/web"), [])


async def test_a_restart_changes_neither_roots_nor_jwt_keys(
    tmp_path: Path, clock: FakeClock
) -> None:
    with opened(tmp_path, clock) as authority:
        before = authority.bundles
        chain = await authority.sign_x509(entry("/web"), _KEY)
        svid = await authority.sign_jwt(entry("/web"), ["db"])
    with opened(tmp_path, clock) as authority:
        assert authority.bundles == before
        verify_x509_svid(chain, authority.bundles, clock.now())
        validate_jwt_svid(svid.token, ["db"], authority.bundles, clock.now())


@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.RSA_4096, KeyType.EC_P384])
async def test_it_signs_with_each_kind_of_key(
    tmp_path: Path, clock: FakeClock, kind: KeyType
) -> None:
    settings = EmbeddedSettings(key_type=kind, jwt_key_type=KeyType.RSA_2048)
    with opened(tmp_path, clock, settings) as authority:
        chain = await authority.sign_x509(entry("/web"), _KEY)
        verify_x509_svid(chain, authority.bundles, clock.now())
        svid = await authority.sign_jwt(entry("/web"), ["db"])
        validate_jwt_svid(svid.token, ["db"], authority.bundles, clock.now())


def test_entries_are_those_of_their_source_and_changes_reach_whoever_subscribed(
    tmp_path: Path, clock: FakeClock
) -> None:
    entries, told = SetEntries(entry("/web")), []
    with opened(tmp_path, clock, entries=entries) as authority:
        undo = authority.subscribe(lambda: told.append(len(authority.entries)))
        entries.set(entry("/web"), entry("/db"))
        undo()
        entries.set()
        assert told == [2]
        assert len(authority.entries) == 0


def test_it_describes_itself(authority: EmbeddedAuthority) -> None:
    found = authority.describe()
    assert (found["trust_domain"], found["sequence"]) == (
        "prod.example",
        authority.bundles[TRUST_DOMAIN].sequence,
    )


def test_federated_bundles_stand_beside_the_own_and_follow_their_files(
    tmp_path: Path, clock: FakeClock
) -> None:
    first, second = TestCa(_PARTNER), TestCa(_PARTNER)
    file = tmp_path / "partner.pem"
    file.write_bytes(first.root.public_bytes(Encoding.PEM))
    settings = EmbeddedSettings(federated_bundles={_PARTNER: file})
    with opened(tmp_path / "data", clock, settings) as authority:
        told: list[object] = []
        authority.subscribe(lambda: told.append(authority.bundles))
        assert set(authority.bundles) == {TRUST_DOMAIN, _PARTNER}
        assert authority.bundles[_PARTNER].x509_authorities == (first.root,)
        authority.reload()
        assert told == []
        file.write_bytes(second.root.public_bytes(Encoding.PEM))
        authority.reload()
        assert authority.bundles[_PARTNER].x509_authorities == (second.root,)
        assert told == [authority.bundles]


@pytest.mark.rows("FC-25", "FC-32", "FC-33")
def test_fetched_bundles_stand_beside_the_own_and_everybody_is_told_in_the_same_turn(
    tmp_path: Path, clock: FakeClock
) -> None:
    one = relationship("https://partner.example/", trust_domain=_PARTNER)
    bundle = TestCa(_PARTNER).bundle(sequence=7)
    with opened(tmp_path, clock, relationships=[one]) as authority:
        told: list[object] = []
        authority.subscribe(lambda: told.append(dict(authority.bundles)))
        own = {TRUST_DOMAIN: authority.bundles[TRUST_DOMAIN]}
        assert authority.bundles == own
        authority.federation.accept(one, encode_bundle(bundle))
        assert told == [{**own, _PARTNER: bundle}]
    with opened(tmp_path, clock, relationships=[one]) as authority:
        assert authority.bundles == {**own, _PARTNER: bundle}
        authority.federation.replace([])
        assert authority.bundles == own


def test_a_damaged_store_of_fetched_bundles_is_named_and_the_folder_let_go(
    tmp_path: Path, clock: FakeClock
) -> None:
    with opened(tmp_path, clock):
        pass
    store = tmp_path / "authority/federation.db"
    store.write_bytes(b"no database")
    store.chmod(0o600)
    with pytest.raises(StoreError, match=r"federation\.db.*begin with the bootstrap bundles again"):
        EmbeddedAuthority.open(tmp_path, TRUST_DOMAIN, EmbeddedSettings(), clock, SetEntries())
    store.unlink()
    with opened(tmp_path, clock):
        pass


def test_a_file_never_replaces_the_own_bundle(tmp_path: Path, clock: FakeClock) -> None:
    file = tmp_path / "own.pem"
    file.write_bytes(TestCa(TRUST_DOMAIN).root.public_bytes(Encoding.PEM))
    settings = EmbeddedSettings(federated_bundles={TRUST_DOMAIN: file})
    with opened(tmp_path / "data", clock, settings) as authority:
        assert authority.bundles[TRUST_DOMAIN].sequence is not None
