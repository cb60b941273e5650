"""The identity of an output, out of the agent's own rotation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from accredit.agent.output_plan import OutputPlan
from accredit.attestation.evidence import Evidence
from accredit.authority.selector_kinds import OUTPUT
from accredit.file_output.material import Material
from accredit.identity.selector import Selector
from accredit.rotation.held_token import Token
from accredit.rotation.identities import Identities
from accredit.rotation.snapshot import Identity, Snapshot
from accredit.rotation.token_follower import TokenFollower


class DeclaredSubject:
    """An output as rotation sees it: its one selector is the word of the configuration's owner."""

    def __init__(self, name: str) -> None:
        self._evidence = Evidence(frozenset({Selector(OUTPUT, name)}))

    @property
    def caller(self) -> DeclaredSubject:
        """Nobody calls."""
        return self

    def require_same(self) -> None:
        """Do nothing: it is there for as long as the agent is."""

    async def evidence(self) -> Evidence:
        """Return the one selector."""
        return self._evidence

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:  # noqa: ARG002  a protocol's
        """Never call it: the selector stays."""
        return _nothing


class OutputSource:
    """What the entries for one output come to, and each time it changes."""

    def __init__(self, plan: OutputPlan, identities: Identities) -> None:
        self._plan = plan
        self._identities = identities
        self._subject = DeclaredSubject(plan.name)
        self._audiences = tuple(spec.audience for spec in plan.recipe.files if spec.audience)
        self._waited_for = ""
        self.problem = ""

    async def run(self) -> None:
        """Wait: rotation keeps everything fresh."""
        await asyncio.Event().wait()

    async def watch(self) -> AsyncGenerator[Material, None]:
        """Yield the material, and again whenever it is another."""
        tokens = self._identities.follow_tokens()
        try:
            async with aclosing(self._identities.watch(self._subject, tokens)) as snapshots:
                async for snapshot in snapshots:
                    yield await self._material(snapshot, tokens)
        finally:
            tokens.close()

    async def _material(self, snapshot: Snapshot, tokens: TokenFollower) -> Material:
        identity = next(filter(self._is_meant, snapshot.identities), None)
        found = self._look_up(identity, tokens)
        entry_id = identity.entry.entry_id if identity else ""
        if entry_id != self._waited_for:
            # Once for each identity: tokens that cannot be signed are tried again by rotation.
            self._waited_for = entry_id
            await tokens.obtain()
            found = self._look_up(identity, tokens)
        own = snapshot.trust_domain
        if identity is None:
            return Material(None, own, {}, lacking=self._reason(snapshot))
        return Material(identity.svid, own, snapshot.bundles, found)

    def _look_up(self, identity: Identity | None, tokens: TokenFollower) -> dict[str, str]:
        found: dict[str, str] = {}
        with tokens.round():
            if identity is None:
                return found
            for audience in self._audiences:
                token = tokens.look_up(identity.entry, audience)
                if isinstance(token, Token):
                    found[audience] = token.svid.token
        return found

    def _is_meant(self, identity: Identity) -> bool:
        own = identity.spiffe_id.trust_domain
        return self._plan.wanted.matches(identity.spiffe_id, identity.hint, own)

    def _reason(self, snapshot: Snapshot) -> str:
        name, wanted, own = self._plan.name, self._plan.wanted, snapshot.trust_domain
        if not snapshot.entitled:
            return f'no entry is for this output: add one with selectors: ["{OUTPUT}:{name}"]'
        if any(wanted.matches(each.spiffe_id, each.hint, own) for each in snapshot.pending):
            return "its X.509-SVID cannot be signed just now"
        return f"none of the entries for this output is {wanted}"


def _nothing() -> None:
    return
