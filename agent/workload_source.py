"""Material for one output, from whatever SPIFFE agent answers on a Workload API."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeVar

from accredit.agent.output_plan import Wanted
from accredit.agent.token_keeper import TokenKeeper, keep
from accredit.agent.workload_choice import choose_svid
from accredit.agent.workload_feed import WITHDRAWN, WorkloadFeed
from accredit.file_output.material import Material
from accredit.file_output.spec import FileSpec, Kind
from accredit.identity.clock import Clock
from accredit.identity.errors import NotEntitledError, UnavailableError
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle
from accredit.workload_api.contexts import HintedToken, JwtBundles, X509Context
from accredit.workload_api.held import Held

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")

_OF_JWT_PROFILE = {Kind.JWT, Kind.JWKS, Kind.FOREIGN_JWKS}
_NOT_YET = "the Workload API has not answered yet"
_WITH_JWT_KEYS = _OF_JWT_PROFILE | {Kind.BUNDLE_JSON, Kind.FOREIGN_BUNDLE_JSON}


class WorkloadSource:
    """What ``specs`` need of the identity that is ``wanted``.

    ``problem`` says why nothing (newer) comes; it is empty while all is well. ``run`` keeps the
    tokens fresh and goes on beside ``watch``. ``changed`` is called when ``problem`` is another.
    """

    def __init__(
        self, feed: WorkloadFeed, wanted: Wanted, specs: Sequence[FileSpec], clock: Clock
    ) -> None:
        self.problem = _NOT_YET
        self.changed: Callable[[], None] = _nobody
        self._feed = feed
        self._context: X509Context | None = None
        self._wanted = wanted
        self.needs_jwt = any(spec.kind in _WITH_JWT_KEYS for spec in specs)
        audiences = dict.fromkeys(spec.audience for spec in specs if spec.audience)
        # Without a token only the X.509 profile says which trust domain is our own.
        only_jwt = all(spec.kind in _OF_JWT_PROFILE for spec in specs)
        self.needs_x509 = not only_jwt or not audiences
        self._keepers = [
            TokenKeeper(feed.client, wanted, each, clock, feed.wake) for each in audiences
        ]

    async def run(self) -> None:
        """Keep the tokens fresh until cancelled."""
        await keep(self._keepers)

    async def watch(self) -> AsyncGenerator[Material, None]:
        """Yield the newest material whenever something changed and nothing of it is missing."""
        before: tuple[object, ...] = ()
        with self._feed.watching() as changes:
            while True:
                await changes.wait()
                try:
                    material = self._material()
                except NotEntitledError as error:
                    self._tell_of_withdrawal(str(error), had=bool(before))
                    self._note(str(error))
                    continue
                except UnavailableError as error:  # the feed and the keepers tell of these
                    self._note(str(error))
                    continue
                self._note(self._stale())
                if (parts := self._parts()) != before:
                    before = parts
                    yield material

    def _stale(self) -> str:
        """Return why what is held may not be the newest."""
        x509, jwt = self._feed.x509.problem, self._feed.jwt.problem
        problems = [x509 if self.needs_x509 else "", jwt if self.needs_jwt else ""]
        problems += [keeper.problem for keeper in self._keepers]
        return next(filter(None, problems), "")

    def _parts(self) -> tuple[object, ...]:
        """Return what is another object whenever it says something else."""
        tokens = (keeper.held for keeper in self._keepers)
        return (self._feed.x509.material, self._feed.jwt.material, *tokens)

    def _tell_of_withdrawal(self, reason: str, *, had: bool) -> None:
        if reason == self.problem:
            return
        if had:
            _logger.error(WITHDRAWN, extra={"reason": reason})
        else:
            _logger.warning("an identity is waited for", extra={"reason": reason})

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self.changed()

    def _material(self) -> Material:
        context = _held(self._feed.x509) if self.needs_x509 else None
        if context is not self._context:
            self._context = context
            # Whoever has an identity now may get tokens now.
            for keeper in self._keepers:
                keeper.hurry()
        jwt = _held(self._feed.jwt) if self.needs_jwt else None
        svid = None if context is None else choose_svid(self._wanted, context.svids)
        tokens = {keeper.audience: _token(keeper) for keeper in self._keepers}
        ids = [token.spiffe_id for token in tokens.values()] if svid is None else [svid.spiffe_id]
        bundles = _merged(context, jwt)
        texts = {audience: token.token for audience, token in tokens.items()}
        return Material(svid, ids[0].trust_domain, bundles, texts)


def _nobody() -> None:
    """Tell nobody."""


def _held(held: Held[_T]) -> _T:
    if held.material is None:
        raise UnavailableError(held.problem or _NOT_YET)
    return held.material


def _token(keeper: TokenKeeper) -> HintedToken:
    if keeper.held is None:
        raise UnavailableError(keeper.problem or f"no JWT-SVID for {keeper.audience!r} yet")
    return keeper.held


def _merged(context: X509Context | None, jwt: JwtBundles | None) -> dict[TrustDomain, TrustBundle]:
    """Return one bundle for each trust domain, with the authorities of both profiles."""
    x509 = {} if context is None else context.bundles.bundles
    keys = {} if jwt is None else jwt.bundles
    return {
        each: TrustBundle(
            each,
            x509[each].x509_authorities if each in x509 else (),
            keys[each].jwt_authorities if each in keys else (),
            crls=x509[each].crls if each in x509 else (),
        )
        for each in {**x509, **keys}
    }
