"""Answers to names: a checked secret, or why there is none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Protocol

from accredit.authority.entry import Entry
from accredit.identity.errors import RuleError
from accredit.identity.x509_roots import is_root
from accredit.rotation.held_token import Token
from accredit.rotation.snapshot import Snapshot
from accredit.sds_server import secrets
from accredit.sds_server.names import BearerToken, Certificate, Names, Never, Parked, Roots, is_list
from accredit.sds_server.node import Node
from accredit.sds_server.recent import Recent
from accredit.sds_server.secrets import Secret
from accredit.sds_server.settings import SdsSettings

_logger = logging.getLogger(__name__)

_LISTS = 256

Answer = Secret | Parked | Never


class Tokens(Protocol):
    """Where JWT-SVIDs come from."""

    def look_up(self, entry: Entry, audience: str) -> Token | str:
        """Return the newest token, or why there is none."""
        ...


class Catalog(Protocol):
    """What each name means at one moment, for one caller."""

    def look_up(self, name: str) -> Answer:
        """Return the secret of that name, or why there is none."""
        ...

    def everything(self) -> tuple[str, ...]:
        """Return the names of all there is."""
        ...


@dataclass(frozen=True, slots=True)
class SnapshotCatalog:
    """A snapshot as a catalog, and what tokens there are.

    Secrets are made and checked once per snapshot, or once per token.
    """

    names: Names
    tokens: Tokens
    now: datetime

    @classmethod
    def of(
        cls, snapshot: Snapshot, node: Node, settings: SdsSettings, tokens: Tokens, now: datetime
    ) -> SnapshotCatalog:
        """Return the catalog of one caller."""
        return cls(Names(snapshot, node, settings), tokens, now)

    def everything(self) -> tuple[str, ...]:
        """Return the names of all there is."""
        return self.names.everything()

    def look_up(self, name: str) -> Answer:
        """Return the secret of that name, or why there is none."""
        snapshot = self.names.snapshot
        match self.names.meaning(name):
            case Certificate(identity=identity):
                return self._memo(
                    name,
                    identity.entry.entry_id,
                    lambda: secrets.certificate(name, identity.svid, snapshot.bundle, self.now),
                )
            case Roots() as roots:
                return self._memo(name, roots, lambda: _context(name, roots, snapshot))
            case BearerToken(entry, audience):
                return self._token(name, entry, audience)
            case other:
                return other

    def _token(self, name: str, entry: Entry, audience: str) -> Answer:
        found = self.tokens.look_up(entry, audience)
        if isinstance(found, str):
            return Parked(found, granted=True)
        return found.memo(
            ("sds", name),
            lambda svid: _checked(name, lambda: secrets.token(name, svid, audience, self.now)),
        )

    def _memo(self, name: str, what: Hashable, make: Callable[[], Secret]) -> Answer:
        snapshot = self.names.snapshot
        if is_list(name):
            # Of other names there are as many as the caller was granted; of lists there is no end.
            lists: Recent[Answer] = snapshot.memo(("sds", "lists"), lambda _: Recent(_LISTS))
            answer = lists.memo((name, what), lambda: _checked(name, make))
        else:
            answer = snapshot.memo(("sds", name, what), lambda _: _checked(name, make))
        if isinstance(answer, Secret) and answer.expired(self.now):
            return Parked("expired, and nobody can sign a new one", certificate=True, granted=True)
        return answer


def _checked(name: str, make: Callable[[], Secret]) -> Answer:
    try:
        return make()
    except RuleError as error:
        _logger.error(  # noqa: TRY400  expected: no traceback
            "secret failed its check and is not sent", extra={"resource": name, "error": str(error)}
        )
        return Parked(f"failed the check before sending: {error}", granted=True, failed=True)


def _context(name: str, roots: Roots, snapshot: Snapshot) -> Secret:
    bundles = {td: snapshot.bundles[td] for td in roots.trust_domains}
    for authority in chain.from_iterable(each.x509_authorities for each in bundles.values()):
        if not is_root(authority):
            _logger.warning(
                "authority is not a self-signed CA and is left out",
                extra={"resource": name, "serial": f"{authority.serial_number:x}"},
            )
    if roots.plain:
        (bundle,) = bundles.values()
        return secrets.plain_context(name, bundle)
    return secrets.spiffe_context(name, bundles)
