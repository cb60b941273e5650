"""The revocation list of each root, signed anew long before verifiers would find it too old. Pure.

A list is good for twice the longest SVID and a bit, and replaced after half of that. So when nobody
signs any more, for whatever reason, every SVID ends before the list does, and no verifier refuses
a good SVID because of an old list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from accredit.authority.revocation.record import RevokedSvid
from accredit.identity.keys import PrivateKey, RemoteKey
from accredit.identity.x509_crl import RevokedSerial, build_crl

_SECOND = timedelta(seconds=1)
_MAX_BACKDATE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Root:
    """A root that is trusted; ``key`` is None if it was thrown away by an older version."""

    kid: str
    certificate: x509.Certificate
    key: PrivateKey | None


@dataclass(frozen=True, slots=True)
class Times:
    """Of one list: when it begins and ends, and when it is replaced."""

    begin: datetime
    end: datetime
    replace_at: datetime


@dataclass(frozen=True, slots=True)
class Crl:
    """A signed list, and for how long it is to be served."""

    kid: str
    lines: tuple[RevokedSerial, ...]
    der: bytes
    number: int
    times: Times

    def stale(self, now: datetime) -> bool:
        """Tell whether it is to be signed anew; also after the clock was set back."""
        return not self.times.begin <= now < self.times.replace_at


@dataclass(frozen=True, slots=True)
class CrlPolicy:
    """How long lists last: ``longest`` is the longest SVID, ``skew`` how far clocks may differ."""

    longest: timedelta
    skew: timedelta

    def times(self, now: datetime) -> Times:
        """Return those of a list that is signed now; it begins earlier, for clocks behind ours."""
        now = now.replace(microsecond=0)
        half = (self.longest + self.skew + _SECOND) // _SECOND * _SECOND
        backdate = min(half / 2 // _SECOND * _SECOND, max(self.skew, _MAX_BACKDATE))
        return Times(now - backdate, now + 2 * half, now + half)


@dataclass(frozen=True, slots=True)
class Trusted:
    """The roots that are trusted now, and how long their lists last."""

    roots: Sequence[Root]
    policy: CrlPolicy


def lines_of(kid: str, revoked: Iterable[RevokedSvid]) -> tuple[RevokedSerial, ...]:
    """Return what the list of one root says."""
    mine = (each for each in revoked if each.svid.issuer == kid)
    return tuple(sorted(RevokedSerial(each.svid.serial, each.since) for each in mine))


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A list that a key which is elsewhere has still to sign."""

    root: Root
    key: RemoteKey
    lines: tuple[RevokedSerial, ...]

    def signed(self, number: int, times: Times) -> Crl:
        """Return the list; waits for whoever holds the key."""
        return _sign(self.root, self.key, self.lines, number, times)


def renewed(
    trusted: Trusted,
    revoked: Sequence[RevokedSvid],
    held: Mapping[str, Crl],
    number: int,
    now: datetime,
) -> tuple[dict[str, Crl], dict[str, Unsigned]]:
    """Return one list for each root: those of ``held`` that still say it, the others signed now.

    A root without its key gets none. One whose key is elsewhere, such as in a TPM, keeps the list
    it had; the second thing returned is what has to be signed there.
    """
    found: dict[str, Crl] = {}
    due: dict[str, Unsigned] = {}
    for root in trusted.roots:
        lines = lines_of(root.kid, revoked)
        before = held.get(root.kid)
        if before is not None:
            found[root.kid] = before
            if before.lines == lines and not before.stale(now):
                continue
        if isinstance(root.key, RemoteKey):
            due[root.kid] = Unsigned(root, root.key, lines)
        elif root.key is not None:
            found[root.kid] = _sign(root, root.key, lines, number, trusted.policy.times(now))
    return found, due


def _sign(
    root: Root, key: PrivateKey, lines: tuple[RevokedSerial, ...], number: int, times: Times
) -> Crl:
    crl = build_crl(
        root.certificate,
        key,
        lines,
        number=number,
        this_update=times.begin,
        next_update=times.end,
    )
    return Crl(root.kid, lines, crl.public_bytes(Encoding.DER), number, times)
