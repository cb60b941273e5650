"""Takes the steps of the schedule: prepare, activate and retire roots and JWT keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from accredit.authority.embedded import schedule, state
from accredit.authority.embedded.keeping import in_time, unless_away
from accredit.authority.embedded.schedule import Action, Step
from accredit.authority.embedded.settings import EmbeddedSettings, SignerPolicy
from accredit.authority.embedded.signers import make, whole_seconds
from accredit.authority.embedded.state import Kind, Phase, Signer, State
from accredit.authority.embedded.vault import Keys, Vault
from accredit.identity.clock import Clock
from accredit.identity.errors import AuthorityUnavailableError, StoreError
from accredit.identity.keys import PrivateKey

_logger = logging.getLogger(__name__)
_FIRST_RETRY = timedelta(seconds=1)
_LAST_RETRY = timedelta(minutes=1)
_MOST_SIGNERS = 3
_DONE = {
    Action.PREPARE: "signer prepared: published, signs nothing yet",
    Action.ACTIVATE: "signer activated: signs from now on",
    Action.RETIRE: "signer retired: nothing it signed is valid any more",
}


@dataclass(frozen=True, slots=True)
class ForcedRotation:
    """The answer to an operator: what comes next, and if nothing was begun, why."""

    started: bool
    next_steps: tuple[Step, ...]
    reason: str = ""


class SignerRotation:
    """Holds the state; every change of it is on disk before anybody sees it.

    ``changed(renew)`` is called after each; ``renew`` asks for all SVIDs to be signed anew.
    ``ahead`` is awaited with each new root and its key before that root is published.
    """

    def __init__(
        self,
        vault: Vault,
        settings: EmbeddedSettings,
        clock: Clock,
        changed: Callable[[bool], None],
        ahead: Callable[[Signer, PrivateKey], Awaitable[None]],
    ) -> None:
        self._vault = vault
        self._settings = settings
        self._policies = {Kind.X509: settings.x509_policy(), Kind.JWT: settings.jwt_policy()}
        self._clock = clock
        self._changed = changed
        self._ahead = ahead
        self._served_since: dict[str, float] = {}
        self._signed_until = _signed_by_others(vault, whole_seconds(clock.now()))
        # New keys that could not be saved are tried again, rather than leave one behind each time.
        self._unsaved: dict[Kind, PrivateKey] = {}
        self._stepping = asyncio.Lock()
        self._wake = asyncio.Event()

    @property
    def state(self) -> State:
        """The state on disk."""
        return self._vault.state

    def policy(self, kind: Kind) -> SignerPolicy:
        """Return how signers of that kind live."""
        return self._policies[kind]

    def active(self, kind: Kind) -> tuple[Signer, PrivateKey]:
        """Return the signer that signs, and its key."""
        signer = self.state.active(kind)
        return signer, self._vault.keys[signer.kid]

    def note_signed(self, signer: Signer, until: datetime) -> None:
        """Keep ``signer`` published until then at least; to be called before it signs that."""
        self._signed_until[signer.kid] = max(until, self._signed_until[signer.kid])

    def next_steps(self) -> tuple[Step, ...]:
        """Return the next step of each kind of signer, the earliest first."""
        served = {
            kid: timedelta(seconds=self._clock.monotonic() - since)
            for kid, since in self._served_since.items()
        }
        steps = [
            schedule.next_step(
                self.state.of(kind), policy, self._settings.clock_skew, served, self._clock.now()
            )
            for kind, policy in self._policies.items()
        ]
        return tuple(sorted(steps, key=lambda step: step.at))

    async def run(self) -> None:
        """Take each step when it is due; one that fails is tried again, and signing goes on."""
        self._serve()
        retry = _FIRST_RETRY
        while True:
            try:
                await self._take_due()
            except (StoreError, AuthorityUnavailableError) as error:
                _logger.error(  # noqa: TRY400  the text says it all
                    "signers not rotated; trying again",
                    extra={"error": str(error), "retry_in": str(retry)},
                )
                await self._sleep_until(self._clock.now() + retry)
                retry = min(retry * 2, _LAST_RETRY)
            else:
                retry = _FIRST_RETRY
                await self._sleep_until(self.next_steps()[0].at)

    async def rotate(self) -> ForcedRotation:
        """Replace root and JWT key as soon as their successors were published for long enough.

        Raises:
            StoreError: the disk is full or broken.
            AuthorityUnavailableError: new keys are made by a TPM, and it is away.
        """
        async with self._stepping:
            kinds = [kind for kind in Kind if not self._forced(kind)]
            reason = self._refusal(kinds)
            if not reason:
                await self._force(kinds)
        self._wake.set()
        return ForcedRotation(not reason, self.next_steps(), reason)

    def _forced(self, kind: Kind) -> bool:
        prepared = self.state.prepared(kind)
        return prepared is not None and prepared.forced

    def _refusal(self, kinds: list[Kind]) -> str:
        if not kinds:
            return "a rotation is under way"
        for kind in kinds:
            if not self.state.prepared(kind) and len(self.state.of(kind)) >= _MOST_SIGNERS:
                return (
                    f"{_MOST_SIGNERS} {kind} signers are published already; one must retire first"
                )
        return ""

    async def _force(self, kinds: list[Kind]) -> None:
        made = [kind for kind in kinds if not self.state.prepared(kind)]
        new, keys = await self._prepared(made)
        signers = (
            replace(each, forced=True) if each.phase is Phase.PREPARED else each
            for each in new.signers
        )
        self._save(replace(new, signers=tuple(signers)), keys)
        self._publish(renew=False)
        for kind in kinds:
            signer = self.state.prepared(kind)
            _logger.info("rotation forced", extra={"kind": kind, "kid": signer and signer.kid})

    async def _prepared(self, kinds: list[Kind]) -> tuple[State, dict[str, PrivateKey]]:
        """Return the state with one more signer of each kind, and their keys."""
        for kind in kinds:
            if kind not in self._unsaved:
                # A thread: an RSA key takes seconds, and so does a TPM.
                made = asyncio.to_thread(self._vault.generate, self._policies[kind].key_type)
                self._unsaved[kind] = await unless_away(made)
        new, now = self.state, self._clock.now()
        keys: dict[str, PrivateKey] = {}
        for kind in kinds:
            key = self._unsaved[kind]
            signer = await in_time(
                key, partial(make, kind, key, new.trust_domain, self._policies[kind], now)
            )
            if kind is Kind.X509:
                await unless_away(self._ahead(signer, key))
            new, keys[signer.kid] = state.prepare(new, signer, now), key
        return new, keys

    def _save(self, new: State, keys: Keys) -> None:
        self._vault.save(new, keys)
        self._unsaved.clear()

    async def _take_due(self) -> None:
        async with self._stepping:
            while due := [step for step in self.next_steps() if step.at <= self._clock.now()]:
                await self._take(due)

    async def _take(self, due: list[Step]) -> None:
        new, keys = await self._prepared([s.kind for s in due if s.action is Action.PREPARE])
        renew = False
        for step in due:
            if step.action is Action.ACTIVATE:
                renew |= self._is_urgent(step)
                new = self._activated(new, step)
            elif step.action is Action.RETIRE:
                new = state.retire(new, step.kid, self._clock.now())
        self._save(new, keys)
        for step in due:
            kid = step.kid or next(each.kid for each in new.of(step.kind) if each.kid in keys)
            _logger.info(_DONE[step.action], extra={"kind": step.kind, "kid": kid})
        self._publish(renew=renew)

    def _activated(self, new: State, step: Step) -> State:
        until = self._signed_until[new.active(step.kind).kid]
        return state.activate(new, step.kid, until, whole_seconds(self._clock.now()))

    def _is_urgent(self, step: Step) -> bool:
        active = self.state.active(step.kind)
        return self._forced(step.kind) or self._clock.now() >= active.not_after

    def _publish(self, *, renew: bool) -> None:
        self._serve()
        signers = {each.kid: each.signed_until for each in self.state.signers}
        self._signed_until = signers | {
            kid: until for kid, until in self._signed_until.items() if kid in signers
        }
        self._changed(renew)

    def _serve(self) -> None:
        now = self._clock.monotonic()
        self._served_since = {
            each.kid: self._served_since.get(each.kid, now) for each in self.state.signers
        }

    async def _sleep_until(self, when: datetime) -> None:
        """Return then, when the clock was set, or when somebody forced a rotation."""
        self._wake.clear()
        async with asyncio.TaskGroup() as group:
            alarm = group.create_task(self._alarm(when))
            await self._wake.wait()
            alarm.cancel()

    async def _alarm(self, when: datetime) -> None:
        await self._clock.sleep_until(when)
        self._wake.set()


def _signed_by_others(vault: Vault, now: datetime) -> dict[str, datetime]:
    """Return when the last thing that an earlier process may have signed ends, by key id.

    So nothing needs to be written for each signature, and no crash or full disk loses count.
    """
    return {
        each.kid: each.signed_until
        if vault.is_new or each.phase is not Phase.ACTIVE
        else min(now + each.longest, each.not_after)
        for each in vault.state.signers
    }
