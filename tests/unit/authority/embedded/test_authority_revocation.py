"""Revocation by the embedded authority: what verifiers get, through the lives of its roots."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support import needs
from support.clock import FakeClock
from support.embedded import TRUST_DOMAIN, SetEntries, opened, running, settle
from support.entries import entry
from support.remote_key import KeyElsewhere

from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.embedded.keeping import Way, Ways
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.entry import Entry
from accredit.authority.entry_set import EntrySet
from accredit.identity.bundle import TrustBundle, encode_bundle
from accredit.identity.errors import AuthorityUnavailableError, X509SvidError
from accredit.identity.keys import KeyType, PrivateKey, generate
from accredit.identity.x509_verify import verify_x509_svid

KEY = generate(KeyType.EC_P256).public_key()
A, B = entry("/a", ttl=timedelta(hours=6)), entry("/b", ttl=timedelta(hours=6))
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def sign(authority: EmbeddedAuthority, of: Entry = A) -> x509.Certificate:
    (leaf,) = await authority.sign_x509(of, KEY)
    return leaf


def own(authority: EmbeddedAuthority) -> TrustBundle:
    return authority.bundles[TRUST_DOMAIN]


def revoke(authority: EmbeddedAuthority, leaf: x509.Certificate) -> None:
    found = authority.revocations.find(leaf.serial_number)
    assert found is not None
    assert authority.revocations.revoke(found)


def accepted(authority: EmbeddedAuthority, leaf: x509.Certificate, clock: FakeClock) -> bool:
    """Ask our own verifier."""
    try:
        verify_x509_svid([leaf], authority.bundles, clock.now())
    except X509SvidError as error:
        assert "its authority has revoked it" in str(error)  # noqa: PT017  or it is another defect
        return False
    return True


def openssl_accepts(
    folder: Path, bundle: TrustBundle, leaf: x509.Certificate, clock: FakeClock
) -> bool:
    """Ask a stranger, who wants a list of every CA."""
    program = str(needs.program("openssl", apt="openssl"))
    roots, lists, file = (folder / name for name in ("roots.pem", "lists.pem", "leaf.pem"))
    roots.write_bytes(bundle.x509_pem)
    lists.write_bytes(bundle.crl_pem)
    file.write_bytes(leaf.public_bytes(Encoding.PEM))
    now = str(int(clock.now().timestamp()))
    command: Sequence[str | Path] = [
        *(program, "verify", "-crl_check_all", "-x509_strict", "-attime", now),
        *("-CAfile", roots, "-CRLfile", lists, file),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0 or "certificate revoked" in done.stderr, done.stderr
    return done.returncode == 0


@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048])
async def test_a_revoked_svid_is_refused_and_the_next_one_is_not(
    tmp_path: Path, key_type: KeyType
) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock, EmbeddedSettings(key_type=key_type)) as authority:
        leaf, other = await sign(authority), await sign(authority, B)
        assert own(authority).crls == ()
        told: list[int] = []
        authority.subscribe(lambda: told.append(len(own(authority).crls)))
        revoke(authority, leaf)
        assert told == [1]
        assert leaf.serial_number in authority.revoked
        fresh = await sign(authority)
        for each, good in ((leaf, False), (other, True), (fresh, True)):
            assert accepted(authority, each, clock) is good
            assert openssl_accepts(tmp_path, own(authority), each, clock) is good


async def test_an_svid_of_a_root_that_has_just_been_replaced_can_be_revoked(tmp_path: Path) -> None:
    clock = FakeClock()
    settings = EmbeddedSettings(publish_for=timedelta(minutes=1))
    with opened(tmp_path, clock, settings) as authority:
        async with running(authority):
            await settle(clock)
            of_old = await sign(authority)
            await authority.rotate()
            await settle(clock)
            clock.advance(timedelta(minutes=2))
            await settle(clock)
            of_new = await sign(authority)
            assert of_new.issuer != of_old.issuer
            revoke(authority, of_old)
            assert len(own(authority).crls) == len(own(authority).x509_authorities) == 2
            for each, good in ((of_old, False), (of_new, True)):
                assert accepted(authority, each, clock) is good
                assert openssl_accepts(tmp_path, own(authority), each, clock) is good
    with opened(tmp_path, clock, settings) as authority:
        assert not accepted(authority, of_old, clock)
        assert len(own(authority).crls) == 2


async def test_every_root_has_its_list_at_every_moment_of_two_rotations(tmp_path: Path) -> None:
    clock = FakeClock()
    seen: list[tuple[int, int]] = []
    with opened(tmp_path, clock, EmbeddedSettings(max_x509_ttl=DAY)) as authority:

        def look() -> None:
            if authority.revoked:
                seen.append((len(own(authority).x509_authorities), len(own(authority).crls)))

        async with running(authority):
            await settle(clock)
            authority.subscribe(look)
            for _ in range(90):
                revoke(authority, await sign(authority))
                clock.advance(12 * HOUR)
                await settle(clock)
    assert {roots for roots, _ in seen} == {1, 2}
    assert all(roots == lists for roots, lists in seen), seen


class Elsewhere:
    """Keeps keys that are elsewhere, as a TPM does."""

    def __init__(self) -> None:
        self._keys: dict[str, PrivateKey] = {}

    def generate(self, kind: KeyType) -> PrivateKey:
        assert kind is KeyType.EC_P256
        return KeyElsewhere()

    def pack(self, name: str, key: PrivateKey) -> bytes:
        self._keys[name] = key
        return b"elsewhere"

    def unpack(self, name: str, data: bytes) -> PrivateKey:
        assert data == b"elsewhere"
        return self._keys[name]


async def test_no_list_is_missing_while_roots_whose_keys_are_in_a_tpm_change(
    tmp_path: Path,
) -> None:
    clock, keeper = FakeClock(), Elsewhere()
    ways = Ways(Way.TPM, {Way.TPM: lambda _: keeper})
    settings = EmbeddedSettings(publish_for=timedelta(minutes=1))
    seen: list[tuple[int, int]] = []
    with opened(tmp_path, clock, settings, ways=ways) as authority:

        def look() -> None:
            seen.append((len(own(authority).x509_authorities), len(own(authority).crls)))

        async with running(authority):
            await settle(clock)
            revoke(authority, leaf := await sign(authority))
            await authority.revocations.settled(HOUR)
            look()
            authority.subscribe(look)
            await authority.rotate()
            for _ in range(3):
                await settle(clock)
                clock.advance(timedelta(minutes=2))
            assert not accepted(authority, leaf, clock)
            assert openssl_accepts(tmp_path, own(authority), await sign(authority), clock)
    assert {roots for roots, _ in seen} == {1, 2}
    assert all(roots == lists for roots, lists in seen), seen


async def test_a_revoked_entry_is_as_if_removed_until_it_is_lifted(tmp_path: Path) -> None:
    clock, entries = FakeClock(), SetEntries(A, B)
    with opened(tmp_path, clock, entries=entries) as authority:
        leaves = [await sign(authority), await sign(authority)]
        other = await sign(authority, B)
        authority.revocations.revoke_entry(A.entry_id, str(A.spiffe_id))
        assert list(authority.entries) == [B]
        assert list(authority.declared) == [A, B]
        assert not any(accepted(authority, leaf, clock) for leaf in leaves)
        assert accepted(authority, other, clock)
        with pytest.raises(AuthorityUnavailableError, match=r"prod\.example/a is revoked"):
            await sign(authority)
        with pytest.raises(AuthorityUnavailableError, match=r"prod\.example/a is revoked"):
            await authority.sign_jwt(A, ["db"])
    with opened(tmp_path, clock, entries=entries) as authority:
        assert list(authority.entries) == [B]
        entries.set(A)
        assert list(authority.entries) == []
        assert list(authority.unrevoked(EntrySet([A, B]))) == [B]
        authority.revocations.lift(A.entry_id)
        assert list(authority.entries) == [A]
        assert accepted(authority, await sign(authority), clock)
        assert not any(accepted(authority, leaf, clock) for leaf in leaves)


async def test_an_entry_that_is_revoked_while_its_svid_is_signed_gets_none(tmp_path: Path) -> None:
    clock = FakeClock()
    # An RSA key signs in a thread of its own.
    settings = EmbeddedSettings(key_type=KeyType.RSA_2048, jwt_key_type=KeyType.RSA_2048)
    with opened(tmp_path, clock, settings) as authority:

        async def ask() -> None:
            with pytest.raises(AuthorityUnavailableError, match="is revoked"):
                await authority.sign_x509(A, KEY)

        async def ask_token() -> None:
            with pytest.raises(AuthorityUnavailableError, match="is revoked"):
                await authority.sign_jwt(A, ["db"])

        async def revoke_meanwhile() -> None:
            authority.revocations.revoke_entry(A.entry_id, str(A.spiffe_id))

        async with asyncio.TaskGroup() as group:
            group.create_task(ask())
            group.create_task(ask_token())
            group.create_task(revoke_meanwhile())


async def test_the_published_bundle_says_nothing_of_revocation_and_keeps_its_sequence(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as authority:
        before = encode_bundle(own(authority))
        revoke(authority, await sign(authority))
        assert encode_bundle(own(authority)) == before


async def test_whoever_lost_what_was_revoked_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as authority:
        revoke(authority, await sign(authority))
    with opened(tmp_path, clock) as authority:
        assert authority.revoked
    assert "revocation.db" not in caplog.text
    (tmp_path / "authority/revocation.db").unlink()
    with opened(tmp_path, clock) as authority:
        assert not authority.revoked
    (told,) = caplog.records
    assert "what was revoked before is not known" in told.getMessage()
    assert vars(told)["path"] == str(tmp_path / "authority/revocation.db")


async def test_nothing_is_revoked_in_a_bundle_whose_old_root_lost_its_key(tmp_path: Path) -> None:
    clock = FakeClock()
    settings = EmbeddedSettings(publish_for=timedelta(minutes=1))
    with opened(tmp_path, clock, settings) as authority:
        old = authority._vault.state.signers[0].kid
        async with running(authority):
            await settle(clock)
            await sign(authority)
            await authority.rotate()
            await settle(clock)
            clock.advance(timedelta(minutes=2))
            await settle(clock)
    (tmp_path / "authority/keys" / f"x509-{old}.key").unlink()
    with opened(tmp_path, clock, settings) as authority:
        leaf = await sign(authority)
        revoke(authority, leaf)
        assert own(authority).crls == ()
        assert f"nobody has the key of root {old} any more" in authority.revocations.problem
        async with running(authority):
            await settle(clock)
            clock.advance(2 * DAY)
            await settle(clock)
            assert len(own(authority).x509_authorities) == 1
            assert authority.revocations.problem == ""
