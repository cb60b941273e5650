"""No moment at which any verifier meets a signer it does not know, whatever happens.

Random histories of an embedded authority: time passes, the process dies and comes back, the clock
is set, roots are replaced by force, the disk refuses to be written. Meanwhile SVIDs are signed, and
two things hold throughout:

- what is signed now verifies against every bundle that a verifier may still hold: all that were
  current at some moment of the last ``publish_for`` in which the authority could be asked;
- whatever was signed and has not ended verifies against the current bundle.

The one exception: a bundle in which every signer has ended verifies nothing any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.clock import FakeClock
from support.embedded import TRUST_DOMAIN, opened, running, settle
from support.entries import entry

from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import AuthorityUnavailableError, StoreError
from accredit.identity.jwt_svid import JwtSvid
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.keys import KeyType, generate, is_supported, key_id
from accredit.identity.x509_verify import verify_x509_svid

_FAST = Path("/dev/shm")  # thousands of commits, and no power loss in the test
_KEY = generate(KeyType.EC_P256).public_key()
_MINUTE = timedelta(minutes=1)
_PUBLISH_FOR = 15 * _MINUTE
_SETTINGS = EmbeddedSettings(
    ca_lifetime=timedelta(hours=12),
    jwt_key_lifetime=timedelta(hours=8),
    max_x509_ttl=timedelta(hours=2),
    max_jwt_ttl=timedelta(hours=1),
    publish_for=_PUBLISH_FOR,
)
_SHORT = entry("/short", ttl=5 * _MINUTE, jwt_ttl=_MINUTE)
_LONG = entry("/long", ttl=timedelta(hours=9), jwt_ttl=timedelta(hours=9))
_CHOICES = ((), (_SHORT,), (_LONG,), (_SHORT, _LONG))


@dataclass(frozen=True)
class _Held:
    """A bundle, and how long the authority had been up when the next one took its place."""

    bundle: TrustBundle
    replaced_at: timedelta | None = None


class _World:
    """One folder, the authority that lives in it, its verifiers and everything it signed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.clock = FakeClock()
        self._up = timedelta()
        self._held: list[_Held] = []
        self._leaves: list[x509.Certificate] = []
        self._tokens: list[JwtSvid] = []
        self._broken = False
        self._ends: dict[str, datetime] = {}
        self._ended: set[str] = set()

    async def live(self, history: Iterable[tuple[str, timedelta]]) -> None:
        """Begin anew after each restart, until the history ends."""
        events = iter(history)
        more = True
        while more:
            with opened(self._folder, self.clock, _SETTINGS) as authority:
                self._authority = authority
                self._publish()
                authority.subscribe(self._publish)
                async with running(authority):
                    await settle(self.clock)
                    more = await self._until_restart(events)
                self._set_broken(broken=False)

    async def _until_restart(self, events: Iterable[tuple[str, timedelta]]) -> bool:
        for event, duration in events:
            match event:
                case "pass":
                    await self._pass(duration)
                case "restart":
                    self.clock.advance(duration)
                    self._forget_what_was_signed_in_an_undone_future()
                    return True
                case "set clock":
                    self.clock.jump(duration)
                case "set clock back":
                    self.clock.jump(-duration)
                case "rotate":
                    await self._rotate()
                case _:
                    self._set_broken(broken=not self._broken)
            await settle(self.clock)
            await self._sign(duration)
        return False

    def _publish(self) -> None:
        self._note_who_has_ended()
        if self._held:
            last = self._held[-1]
            self._held[-1] = _Held(last.bundle, self._up)
        self._held.append(_Held(self._authority.bundles[TRUST_DOMAIN]))

    async def _pass(self, duration: timedelta) -> None:
        # What fails is tried every minute: hours of that would only take the test long.
        end = self.clock.now() + (min(duration, 40 * _MINUTE) if self._broken else duration)
        while self.clock.now() < end:
            wake = self.clock.next_wake
            assert wake is not None
            step = min(max(wake, self.clock.now()), end, self.clock.now() + 20 * _MINUTE)
            passed = max(step - self.clock.now(), timedelta(seconds=1))
            self._up += passed
            self.clock.advance(passed)
            await settle(self.clock)
            await self._sign(duration)

    async def _rotate(self) -> None:
        try:
            await self._authority.rotate()
        except StoreError:
            assert self._broken

    def _set_broken(self, *, broken: bool) -> None:
        self._broken = broken
        database = self._authority._vault._store._database
        database.execute(f"PRAGMA query_only = {int(broken)}")

    async def _sign(self, chance: timedelta) -> None:
        """Sign some of the entries, or none; which, is as good as random."""
        now = self.clock.now()
        self._note_who_has_ended()
        bundles = self._bundles_held()
        for each in _CHOICES[chance.seconds % len(_CHOICES)]:
            try:
                (leaf,) = await self._authority.sign_x509(each, _KEY)
                token = await self._authority.sign_jwt(each, ["anyone"])
            except AuthorityUnavailableError:
                continue
            for bundle in bundles:
                if not self._ended.issuperset(map(_kid, bundle.x509_authorities)):
                    _verify_leaf(leaf, bundle, now)
                if not self._ended.issuperset(key.key_id for key in bundle.jwt_authorities):
                    _verify_token(token, bundle, now)
            self._leaves.append(leaf)
            self._tokens.append(token)
        self._check_what_was_signed(now)

    def _forget_what_was_signed_in_an_undone_future(self) -> None:
        """A new process cannot know for how long its clock was ahead before it was set back."""
        end = self.clock.now() + timedelta(hours=2)
        self._leaves = [leaf for leaf in self._leaves if leaf.not_valid_after_utc <= end]
        end = self.clock.now() + timedelta(hours=1)
        self._tokens = [token for token in self._tokens if token.expires_at <= end]

    def _bundles_held(self) -> list[TrustBundle]:
        since = self._up - _PUBLISH_FOR
        return [
            held.bundle
            for held in self._held
            if held.replaced_at is None or held.replaced_at > since
        ]

    def _note_who_has_ended(self) -> None:
        """Remember signers, and forget SVIDs: setting the clock back raises nobody."""
        now = self.clock.now()
        self._leaves = [leaf for leaf in self._leaves if now < leaf.not_valid_after_utc]
        self._tokens = [token for token in self._tokens if now < token.expires_at]
        self._ends |= {s.kid: s.not_after for s in self._authority._vault.state.signers}
        self._ended |= {kid for kid, end in self._ends.items() if now >= end}

    def _check_what_was_signed(self, now: datetime) -> None:
        bundle = self._authority.bundles[TRUST_DOMAIN]
        for leaf in self._leaves[-40:]:
            _verify_leaf(leaf, bundle, max(now, leaf.not_valid_before_utc))
        for token in self._tokens[-40:]:
            _verify_token(token, bundle, max(now, token.issued_at))


def _kid(root: x509.Certificate) -> str:
    public = root.public_key()
    assert is_supported(public)
    return key_id(public)


def _verify_leaf(leaf: x509.Certificate, bundle: TrustBundle, now: datetime) -> None:
    verify_x509_svid([leaf], {TRUST_DOMAIN: bundle}, now)


def _verify_token(token: JwtSvid, bundle: TrustBundle, now: datetime) -> None:
    validate_jwt_svid(token.token, ["anyone"], {TRUST_DOMAIN: bundle}, now)


def _events(most: timedelta, *names: str) -> st.SearchStrategy[tuple[str, timedelta]]:
    seconds = st.integers(1, int(most.total_seconds()))
    return st.tuples(st.sampled_from(names), seconds.map(lambda n: timedelta(seconds=n)))


_history = st.lists(
    _events(timedelta(hours=6), "pass")
    | _events(timedelta(minutes=30), "pass", "pass", "rotate", "rotate", "restart", "disk")
    | _events(timedelta(hours=14), "restart", "set clock")
    | _events(timedelta(minutes=10), "set clock", "set clock back"),
    max_size=30,
)


def _events_of(*events: tuple[str, int]) -> list[tuple[str, timedelta]]:
    return [(name, timedelta(seconds=seconds)) for name, seconds in events]


# Seconds that leave 2 over 4 sign something long, those that leave none sign nothing. What was
# signed before a restart, or on a full disk, must count as long as what is signed after.
@example(_events_of(("pass", 1802), ("restart", 4), ("rotate", 4), ("pass", 3600)))
@example(_events_of(("disk", 4), ("pass", 1802), ("disk", 4), ("rotate", 4), ("pass", 3600)))
# What ended while nobody was there is over, even if the clock is set back afterwards.
@example(_events_of(("pass", 24001), ("pass", 3), ("restart", 1306), ("set clock back", 410)))
@given(_history)
@settings(max_examples=100)
def test_no_verifier_ever_meets_a_signer_it_does_not_know(
    history: list[tuple[str, timedelta]],
) -> None:
    with TemporaryDirectory(dir=_FAST if _FAST.is_dir() else None) as folder:
        asyncio.run(_World(Path(folder)).live(history))
