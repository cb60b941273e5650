"""Every step of a signer's life, seen from outside: bundles, SVIDs, generation, log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.clock import EPOCH, FakeClock
from support.embedded import TRUST_DOMAIN, opened, settle
from support.entries import entry

from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.embedded.schedule import Action
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.state import Kind, Phase
from accredit.identity.bundle import TrustBundle, encode_bundle
from accredit.identity.errors import AuthorityUnavailableError, X509SvidError
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.keys import KeyType, generate
from accredit.identity.x509_verify import verify_x509_svid

_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
_KEY = generate(KeyType.EC_P256).public_key()
_WEB = entry("/web")


def _spki(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class _Life:
    """A running authority and its clock; ``bundles`` is everything it ever published."""

    def __init__(self, authority: EmbeddedAuthority, clock: FakeClock) -> None:
        self.authority = authority
        self.clock = clock
        self.bundles: list[tuple[datetime, TrustBundle]] = []
        self._note()
        authority.subscribe(self._note)

    def _note(self) -> None:
        self.bundles.append((self.clock.now(), self.bundle))

    @property
    def bundle(self) -> TrustBundle:
        return self.authority.bundles[TRUST_DOMAIN]

    def phases(self, kind: Kind = Kind.X509) -> list[Phase]:
        return [signer.phase for signer in self.authority._vault.state.of(kind)]

    async def settle(self) -> None:
        await settle(self.clock)

    async def until(self, when: datetime) -> None:
        """Let time pass, with every step taken in its time."""
        await self.settle()
        while (wake := self.clock.next_wake) is not None and wake <= when:
            self.clock.advance(wake - self.clock.now())
            await self.settle()
        self.clock.advance(when - self.clock.now())

    async def sign(self) -> x509.Certificate:
        (leaf,) = await self.authority.sign_x509(_WEB, _KEY)
        await self.authority.sign_jwt(_WEB, ["db"])
        return leaf


@asynccontextmanager
async def _living(
    folder: Path, clock: FakeClock, settings: EmbeddedSettings | None = None
) -> AsyncIterator[_Life]:
    with opened(folder, clock, settings) as authority:
        async with asyncio.TaskGroup() as group:
            life = _Life(authority, clock)
            task = group.create_task(authority.run())
            await life.settle()
            yield life
            task.cancel()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@contextmanager
def _broken_disk(authority: EmbeddedAuthority) -> Iterator[None]:
    """Let SQLite itself refuse every write."""
    database = authority._vault._store._database
    database.execute("PRAGMA query_only = 1")
    yield
    database.execute("PRAGMA query_only = 0")


async def test_a_root_lives_through_three_steps_in_time(tmp_path: Path, clock: FakeClock) -> None:
    async with _living(tmp_path, clock) as life:
        (first,) = life.bundle.x509_authorities
        await life.until(EPOCH + 14 * _DAY)
        assert life.phases() == [Phase.ACTIVE]
        await life.until(EPOCH + 15 * _DAY)
        assert life.phases() == [Phase.ACTIVE, Phase.PREPARED]
        assert life.bundle.x509_authorities[0] == first
        await life.until(EPOCH + 25 * _DAY - 5 * _MINUTE)
        assert (await life.sign()).issuer == first.subject
        await life.until(EPOCH + 25 * _DAY)
        second = life.bundle.x509_authorities[1]
        assert life.phases() == [Phase.OLD, Phase.ACTIVE]
        assert (await life.sign()).issuer == second.subject
        await life.until(EPOCH + 27 * _DAY)
        assert life.bundle.x509_authorities == (second,)
        assert life.authority.signer_generation == 0


async def test_a_jwt_key_lives_the_same_life(tmp_path: Path, clock: FakeClock) -> None:
    async with _living(tmp_path, clock) as life:
        (first,) = life.bundle.jwt_authorities
        await life.until(EPOCH + 15 * _DAY)
        assert life.phases(Kind.JWT) == [Phase.ACTIVE, Phase.PREPARED]
        await life.until(EPOCH + 25 * _DAY - 5 * _MINUTE)
        token = await life.authority.sign_jwt(_WEB, ["db"])
        await life.until(EPOCH + 25 * _DAY)
        assert life.phases(Kind.JWT) == [Phase.OLD, Phase.ACTIVE]
        assert life.bundle.jwt_authorities[0] == first
        await life.until(EPOCH + 27 * _DAY)
        assert first not in life.bundle.jwt_authorities
        with pytest.raises(Exception, match="kid"):
            validate_jwt_svid(token.token, ["db"], life.authority.bundles, token.issued_at)


@pytest.mark.rows("BE-26")
async def test_no_two_signers_ever_share_a_key(tmp_path: Path, clock: FakeClock) -> None:
    async with _living(tmp_path, clock) as life:
        await life.until(EPOCH + 100 * _DAY)
    roots = {root for _, bundle in life.bundles for root in bundle.x509_authorities}
    jwts = {jwt for _, bundle in life.bundles for jwt in bundle.jwt_authorities}
    keys = {_spki(root.public_key()) for root in roots} | {_spki(jwt.public_key) for jwt in jwts}
    assert len(keys) == len(roots) + len(jwts) > 8


@pytest.mark.rows("FS-19", "FS-20")
async def test_the_first_svid_of_a_new_root_comes_three_refresh_hints_after_its_publication(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Forced, and so as early as possible."""
    async with _living(tmp_path, clock) as life:
        assert life.bundle.refresh_hint == timedelta(seconds=300)
        (first,) = life.bundle.x509_authorities
        await life.authority.rotate()
        new = life.bundle.x509_authorities[-1]
        await life.until(EPOCH + timedelta(seconds=899))
        assert (await life.sign()).issuer == first.subject
        await life.until(EPOCH + timedelta(seconds=900))
        assert (await life.sign()).issuer == new.subject


@pytest.mark.rows("FS-21")
async def test_an_old_root_is_published_until_the_last_svid_it_signed_has_ended(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with _living(tmp_path, clock) as life:
        (first,) = life.bundle.x509_authorities
        await life.authority.rotate()
        await life.until(EPOCH + timedelta(seconds=899))
        last = await life.sign()
        await life.until(last.not_valid_after_utc)
        assert first in life.bundle.x509_authorities
        await life.until(last.not_valid_after_utc + 2 * _MINUTE)
        assert first not in life.bundle.x509_authorities


@pytest.mark.rows("FS-18", "BE-25")
async def test_a_retired_key_is_left_out_of_the_next_document_under_a_higher_sequence(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with _living(tmp_path, clock) as life:
        before = life.bundle
        (first,) = before.jwt_authorities
        await life.authority.rotate()
        await life.until(EPOCH + 2 * _HOUR)
        assert first.key_id.encode() in encode_bundle(before)
        assert first.key_id.encode() not in encode_bundle(life.bundle)
        assert (life.bundle.sequence or 0) > (before.sequence or 0)


@pytest.mark.rows("BE-03", "BE-04")
async def test_the_sequence_grows_with_every_change_over_years_and_restarts(
    tmp_path: Path, clock: FakeClock
) -> None:
    seen: list[TrustBundle] = []
    for year in range(1, 4):
        async with _living(tmp_path, clock) as life:
            await life.until(EPOCH + year * 365 * _DAY)
            await life.authority.rotate()
        seen += [bundle for _, bundle in life.bundles]
    assert len({bundle.x509_authorities for bundle in seen}) > 100
    for before, after in pairwise(seen):
        content = (before.x509_authorities, before.jwt_authorities)
        same = content == (after.x509_authorities, after.jwt_authorities)
        assert before.sequence is not None
        assert after.sequence is not None
        assert after.sequence == before.sequence if same else after.sequence > before.sequence


@pytest.mark.rows("BE-04")
async def test_another_refresh_hint_is_another_sequence(tmp_path: Path, clock: FakeClock) -> None:
    with opened(tmp_path, clock) as authority:
        before = authority.bundles[TRUST_DOMAIN].sequence
    with opened(tmp_path, clock, EmbeddedSettings(refresh_hint=_HOUR)) as authority:
        bundle = authority.bundles[TRUST_DOMAIN]
        assert bundle.refresh_hint == _HOUR
        assert (bundle.sequence or 0) > (before or 0)
    with opened(tmp_path, clock, EmbeddedSettings(refresh_hint=_HOUR)) as authority:
        assert authority.bundles[TRUST_DOMAIN].sequence == bundle.sequence


async def test_a_forced_rotation_replaces_both_keys_and_asks_for_everything_anew(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with _living(tmp_path, clock) as life:
        answer = await life.authority.rotate()
        assert answer.started
        assert [(step.action, step.kind, step.at) for step in answer.next_steps] == [
            (Action.ACTIVATE, Kind.X509, EPOCH + 15 * _MINUTE),
            (Action.ACTIVATE, Kind.JWT, EPOCH + 15 * _MINUTE),
        ]
        assert life.authority.signer_generation == 0
        await life.until(EPOCH + 14 * _MINUTE)
        await life.sign()
        await life.until(EPOCH + 15 * _MINUTE)
        assert life.phases() == life.phases(Kind.JWT) == [Phase.OLD, Phase.ACTIVE]
        assert life.authority.signer_generation == 1


async def test_a_second_rotation_while_one_is_under_way_begins_nothing(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with _living(tmp_path, clock) as life:
        first = await life.authority.rotate()
        await life.until(EPOCH + _MINUTE)
        second = await life.authority.rotate()
        assert not second.started
        assert second.reason == "a rotation is under way"
        assert second.next_steps == first.next_steps
        assert len(life.bundle.x509_authorities) == 2


async def test_two_rotations_asked_for_at_once_are_one(tmp_path: Path, clock: FakeClock) -> None:
    async with _living(tmp_path, clock) as life:
        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(life.authority.rotate()) for _ in range(5)]
        assert sorted(answer.result().started for answer in answers) == [False] * 4 + [True]
        assert len(life.bundle.x509_authorities) == 2


async def test_roots_never_pile_up(tmp_path: Path, clock: FakeClock) -> None:
    async with _living(tmp_path, clock) as life:
        reasons = set()
        for step in range(1, 40):
            await life.sign()
            reasons.add((await life.authority.rotate()).reason)
            assert len(life.bundle.x509_authorities) <= 3
            await life.until(EPOCH + step * 5 * _MINUTE)
        assert "3 x509 signers are published already; one must retire first" in reasons
        await life.until(EPOCH + _DAY)
        assert (await life.authority.rotate()).started


async def test_a_root_that_was_prepared_in_time_is_used_by_a_forced_rotation(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with _living(tmp_path, clock) as life:
        await life.until(EPOCH + 16 * _DAY)
        await life.sign()
        published = life.bundle.x509_authorities
        await life.authority.rotate()
        await life.settle()
        assert life.bundle.x509_authorities == published
        assert life.phases() == [Phase.OLD, Phase.ACTIVE]
        assert life.authority.signer_generation == 1


async def test_after_a_restart_a_prepared_root_is_published_anew_for_long_enough(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with _living(tmp_path, clock) as life:
        await life.authority.rotate()
        await life.until(EPOCH + 14 * _MINUTE)
    clock.advance(_DAY)
    async with _living(tmp_path, clock) as life:
        began = clock.now()
        await life.sign()
        await life.until(began + 14 * _MINUTE)
        assert life.phases() == [Phase.ACTIVE, Phase.PREPARED]
        await life.until(began + 15 * _MINUTE)
        assert life.phases() == [Phase.OLD, Phase.ACTIVE]


async def test_a_suspended_machine_publishes_nothing(tmp_path: Path, clock: FakeClock) -> None:
    """The wall clock goes on through a suspend, the monotonic one does not."""
    async with _living(tmp_path, clock) as life:
        await life.authority.rotate()
        clock.jump(_DAY)
        await life.sign()
        await life.settle()
        assert life.phases() == [Phase.ACTIVE, Phase.PREPARED]
        await life.until(clock.now() + 15 * _MINUTE)
        assert life.phases() == [Phase.OLD, Phase.ACTIVE]


async def test_a_jump_of_the_clock_is_noticed_at_once(tmp_path: Path, clock: FakeClock) -> None:
    async with _living(tmp_path, clock) as life:
        clock.jump(16 * _DAY)
        await life.settle()
        assert life.phases() == [Phase.ACTIVE, Phase.PREPARED]


async def test_an_authority_that_slept_through_its_roots_end_has_a_new_one_at_once(
    tmp_path: Path, clock: FakeClock
) -> None:
    with opened(tmp_path, clock) as authority:
        (first,) = authority.bundles[TRUST_DOMAIN].x509_authorities
    clock.advance(40 * _DAY)
    with (
        opened(tmp_path, clock) as authority,
        pytest.raises(
            AuthorityUnavailableError,
            match=r"the x509 signer is valid from 2025-12-31 .* only, and the clock says",
        ),
    ):
        await authority.sign_x509(_WEB, _KEY)
    async with _living(tmp_path, clock) as life:
        leaf = await life.sign()
        assert leaf.issuer != first.subject
        verify_x509_svid([leaf], life.authority.bundles, clock.now())
        assert life.authority.signer_generation == 1


async def test_before_a_clock_that_was_set_back_nothing_is_signed_until_somebody_decides(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with _living(tmp_path, clock) as life:
        clock.jump(-400 * _DAY)
        await life.settle()
        with pytest.raises(AuthorityUnavailableError, match="set the clock, or run: accredit ca"):
            await life.sign()
        with pytest.raises(AuthorityUnavailableError, match="the jwt signer is valid from"):
            await life.authority.sign_jwt(_WEB, ["db"])
        await life.authority.rotate()
        await life.until(clock.now() + 15 * _MINUTE)
        verify_x509_svid([await life.sign()], life.authority.bundles, clock.now())


async def test_a_step_that_cannot_be_saved_is_tried_again_while_the_old_root_signs(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with _living(tmp_path, clock) as life:
        await life.until(EPOCH + 15 * _DAY - 6 * _MINUTE)
        with _broken_disk(life.authority):
            await life.until(EPOCH + 15 * _DAY)
            assert life.phases() == [Phase.ACTIVE]
            verify_x509_svid([await life.sign()], life.authority.bundles, clock.now())
            failures = [r for r in caplog.records if "signers not rotated" in r.message]
            waits = [record.__dict__["retry_in"] for record in failures]
            assert waits[:7] == [f"0:00:{n:02}" for n in (1, 2, 4, 8, 16, 32)] + ["0:01:00"]
            assert "attempt to write a readonly database" in failures[0].__dict__["error"]
        await life.until(EPOCH + 15 * _DAY + 2 * _MINUTE)
        assert life.phases() == [Phase.ACTIVE, Phase.PREPARED]
    keys = list((tmp_path / "authority" / "keys").iterdir())
    assert len(keys) == 4


async def test_a_rotation_that_cannot_be_saved_says_so_and_changes_nothing(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with _living(tmp_path, clock) as life:
        before = life.bundle
        with _broken_disk(life.authority), pytest.raises(Exception, match="cannot be written"):
            await life.authority.rotate()
        assert life.bundle is before
        assert (await life.authority.rotate()).started


async def test_signing_writes_nothing_so_that_a_full_disk_stops_no_signature(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with _living(tmp_path, clock) as life:
        saved = life.authority._vault.state
        with _broken_disk(life.authority):
            leaf = await life.sign()
        assert life.authority._vault.state is saved
        verify_x509_svid([leaf], life.authority.bundles, clock.now())


async def test_what_a_process_that_crashed_had_signed_counts_as_long_as_it_can_be(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Forced right after the restart, when this process has signed nothing itself."""
    with opened(tmp_path, clock) as authority:
        (leaf,) = await authority.sign_x509(entry("/web", ttl=_DAY), _KEY)
    async with _living(tmp_path, clock) as life:
        await life.authority.rotate()
        await life.until(leaf.not_valid_after_utc - _MINUTE)
        verify_x509_svid([leaf], life.authority.bundles, clock.now())
        await life.until(leaf.not_valid_after_utc + 2 * _MINUTE)
        assert len(life.bundle.x509_authorities) == 1


async def test_what_was_signed_under_longer_limits_counts_for_as_long_as_those(
    tmp_path: Path, clock: FakeClock
) -> None:
    with opened(tmp_path, clock, EmbeddedSettings(max_x509_ttl=2 * _DAY)) as authority:
        (leaf,) = await authority.sign_x509(entry("/web", ttl=2 * _DAY), _KEY)
    async with _living(tmp_path, clock, EmbeddedSettings(max_x509_ttl=_HOUR)) as life:
        await life.authority.rotate()
        await life.until(leaf.not_valid_after_utc - _MINUTE)
        verify_x509_svid([leaf], life.authority.bundles, clock.now())


async def test_each_step_is_logged_once(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with _living(tmp_path, clock) as life:
        await life.until(EPOCH + 27 * _DAY)
        state = life.authority._vault.state
    steps = [
        (record.message.partition(":")[0], record.__dict__["kid"])
        for record in caplog.records
        if record.__dict__.get("kind") == "x509"
    ]
    new = state.active(Kind.X509).kid
    assert [step for step, _ in steps] == [
        "signer prepared",
        "signer activated",
        "signer retired",
    ]
    assert [kid == new for _, kid in steps] == [True, True, False]


async def test_old_svids_are_refused_once_their_root_is_gone(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with _living(tmp_path, clock) as life:
        leaf = await life.sign()
        await life.until(EPOCH + 27 * _DAY)
        with pytest.raises(X509SvidError):
            verify_x509_svid([leaf], life.authority.bundles, EPOCH)


@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.EC_P384])
async def test_the_next_root_has_the_kind_of_key_that_is_configured_by_then(
    tmp_path: Path, clock: FakeClock, kind: KeyType
) -> None:
    with opened(tmp_path, clock):
        pass
    settings = EmbeddedSettings(key_type=kind, jwt_key_type=kind)
    async with _living(tmp_path, clock, settings) as life:
        await life.authority.rotate()
        await life.until(EPOCH + 15 * _MINUTE)
        leaf = await life.sign()
        verify_x509_svid([leaf], life.authority.bundles, clock.now())
        token = await life.authority.sign_jwt(_WEB, ["db"])
        validate_jwt_svid(token.token, ["db"], life.authority.bundles, clock.now())
        root = life.bundle.x509_authorities[-1]
        assert isinstance(root.public_key(), type(generate(kind).public_key()))
