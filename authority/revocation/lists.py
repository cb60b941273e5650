"""The lists of the roots that are trusted now, as far as they are signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from accredit.authority.revocation.crls import Crl, Root, Trusted, Unsigned, renewed
from accredit.authority.revocation.record import RevokedSvid
from accredit.authority.revocation.waiting import Waiting


class Lists:
    """Wanted while an SVID is revoked, or ``always``; ``held`` by the key ids of the roots."""

    def __init__(self, trusted: Trusted, *, always: bool) -> None:
        self.trusted = trusted
        self.held: Mapping[str, Crl] = {}
        self.ahead: Mapping[str, Crl] = {}
        self.waiting = Waiting()
        self._always = always
        self._wanted = always

    @property
    def served(self) -> tuple[bytes, ...]:
        """The lists in DER, one for each root; none as long as one root cannot have one.

        A verifier that has a list for one root refuses everything of a root without.
        """
        return () if self.lacking else tuple(each.der for each in self.held.values())

    @property
    def lacking(self) -> tuple[Root, ...]:
        """The roots whose list nobody can sign, while lists are wanted."""
        if not self._wanted:
            return ()
        return tuple(root for root in self.trusted.roots if root.kid not in self.held)

    @property
    def replace_at(self) -> datetime | None:
        """When the first of them is to be signed anew."""
        return min((each.times.replace_at for each in self.held.values()), default=None)

    def stale(self, now: datetime) -> bool:
        """Tell whether one is to be signed anew."""
        return any(each.stale(now) for each in self.held.values())

    def make(self, svids: Sequence[RevokedSvid], number: int, now: datetime) -> bool:
        """Have lists say what is revoked; those whose keys are elsewhere wait. Tells of new ones.

        A list that says the same stays as it is. One that was signed ahead counts as held.
        """
        before = self.held
        self._wanted = self._always or bool(svids)
        due: Mapping[str, Unsigned] = {}
        if self._wanted:
            known = {**self.ahead, **before}
            self.held, due = renewed(self.trusted, svids, known, number, now)
        else:
            self.held = {}
        self.waiting.follow(due)
        return any(each not in before.values() for each in self.held.values())

    def hold(self, crl: Crl) -> None:
        """Have a list that was signed elsewhere."""
        self.held = {**self.held, crl.kid: crl}
