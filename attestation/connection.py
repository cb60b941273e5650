"""The attestation of one connection, shared by all its streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError, AttestationError, UnavailableError

_logger = logging.getLogger(__name__)

_FIRST_RETRY = timedelta(seconds=1)
_LAST_RETRY = timedelta(minutes=1)

Attest = Callable[[KernelCaller], Awaitable[Evidence]]


class AttestedWorkload:
    """One caller and what is known of it.

    The first call for evidence attests; the calls of other streams wait for the same answer, and
    go on waiting if that first stream ends. A partial answer that may be completed is asked for
    again, with growing waits, until it is whole or the connection closes. The work runs in
    ``tasks``, which belongs to the listener.
    """

    __slots__ = (
        "_attest",
        "_clock",
        "_closed",
        "_evidence",
        "_subscribers",
        "_task",
        "_tasks",
        "caller",
    )

    def __init__(
        self, caller: KernelCaller, attest: Attest, tasks: asyncio.TaskGroup, clock: Clock
    ) -> None:
        self.caller = caller
        self._attest = attest
        self._tasks = tasks
        self._clock = clock
        self._evidence: Evidence | None = None
        self._task: asyncio.Task[Evidence | AccreditError] | None = None
        self._subscribers: dict[object, Callable[[], None]] = {}
        self._closed = False

    async def evidence(self) -> Evidence:
        """Return what is known of the caller; the first call attests, later ones share it.

        Raises:
            AttestationError: the caller has died, was replaced or cannot be identified.
            UnavailableError: this process is out of file descriptors or memory.
        """
        if self._evidence is not None:
            return self._evidence
        if self._closed:
            raise self._disconnected()
        if self._task is None:
            self._task = self._tasks.create_task(self._first(), name=f"attest/{self.caller.pid}")
        task = self._task
        await asyncio.wait([task])
        if task.cancelled():
            raise self._disconnected()
        answer = task.result()
        try:
            if isinstance(answer, AccreditError):
                raise answer
            return answer
        finally:
            del answer  # its traceback leads here: a cycle, and with it all that the frames hold

    def _disconnected(self) -> AttestationError:
        return AttestationError(f"caller {self.caller.pid} has disconnected")

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` when a partial result was completed; returns the undo."""
        token = object()
        self._subscribers[token] = changed

        def undo() -> None:
            self._subscribers.pop(token, None)

        return undo

    def close(self) -> None:
        """Stop attesting; the connection is gone."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()

    async def _first(self) -> Evidence | AccreditError:
        # The error is an answer: raised here, it would end the listener's task group.
        try:
            evidence = await self._attest(self.caller)
        except (AttestationError, UnavailableError) as error:
            self._task = None
            return error
        self._task = None
        self._publish(evidence)
        if evidence.retry and not self._closed:
            self._task = self._tasks.create_task(
                self._complete(evidence), name=f"attest-again/{self.caller.pid}"
            )
        return evidence

    async def _complete(self, known: Evidence) -> Evidence | AccreditError:
        wait = _FIRST_RETRY
        while known.retry:
            await self._clock.sleep_until(self._clock.now() + wait)
            wait = min(2 * wait, _LAST_RETRY)
            try:
                evidence = await self._attest(self.caller)
            except AttestationError as error:
                return error  # the next request is refused for the same reason
            except UnavailableError:
                continue
            # Another attestor may fail this time; what is known of a living caller stays known.
            if not evidence.partial or evidence.selectors >= known.selectors:
                known = evidence
                self._publish(evidence)
        return known

    def _publish(self, evidence: Evidence) -> None:
        before, self._evidence = self._evidence, evidence
        if before is None or evidence.failures != before.failures:
            self._log(evidence)
        if before is not None and evidence.selectors != before.selectors:
            for changed in tuple(self._subscribers.values()):
                changed()

    def _log(self, evidence: Evidence) -> None:
        about = {"pid": self.caller.pid, "uid": self.caller.uid}
        for attestor, reason in evidence.failures.items():
            facts = {**about, "attestor": attestor, "error": reason}
            _logger.warning("attestation is incomplete", extra=facts)
