"""``entry explain`` on the admin socket: the running agent looks at live processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from accredit.agent.admin import Method, Params
from accredit.agent.explanation import explanation
from accredit.agent.plan import Plan
from accredit.agent.process_filter import ProcessFilter
from accredit.agent.processes import Processes, Survey
from accredit.attestation.facts import facts_of
from accredit.attestation.observed import observe
from accredit.authority.authority import Authority
from accredit.authority.entry import Entry
from accredit.identity.errors import AttestationError, NotFoundError, RequestError, SelectorError
from accredit.identity.selector import Selector
from accredit.rotation.identities import Identities

PATIENCE = timedelta(seconds=20)
_MOST_EXPLAINED = 16
_MOST_NEAR = 100
_NEAR = 5


class Explaining:
    """Explains processes; nothing is signed, kept or sent for them.

    ``revoked`` returns the entries that would match some selectors if they were not revoked.
    """

    def __init__(
        self,
        plan: Plan,
        processes: Processes,
        authority: Authority,
        identities: Identities,
        revoked: Callable[[frozenset[Selector]], Sequence[Entry]] = lambda _: (),
    ) -> None:
        self._plan = plan
        self._processes = processes
        self._authority = authority
        self._identities = identities
        self._revoked = revoked

    @property
    def methods(self) -> Mapping[str, Method]:
        """Every method an administrator may call."""
        return {"entry.explain": self.explain}

    async def explain(self, params: Params) -> Any:
        """Explain the process ``pid``, or those with ``selectors``, ``image`` and ``unit``.

        Raises:
            AttestationError: there is no such process, or it would be refused.
            NotFoundError: no live process is meant.
        """
        near = _number(params.get("near", _NEAR), "near", most=_MOST_NEAR)
        if "pid" in params:
            pid = _number(params["pid"], "pid", most=1 << 31)
            return {"processes": [await self._explain(pid, near)], "more": 0, "missed": 0}
        wanted = _filter(params)
        if not wanted:
            raise RequestError("expected pid, selectors, image or unit")
        survey = await self._survey(wanted)
        pids = [each.pid for each in survey.seen if wanted.takes(each.evidence.selectors)]
        if not pids:
            raise NotFoundError(_nobody(wanted, survey))
        found = []
        for pid in pids[:_MOST_EXPLAINED]:
            try:
                found.append(await self._explain(pid, near))
            except AttestationError:
                continue  # gone meanwhile
        return {"processes": found, "more": len(pids) - len(found), "missed": survey.missed}

    async def _survey(self, wanted: ProcessFilter) -> Survey:
        if reason := wanted.lacking(self._processes.types):
            raise RequestError(reason)
        return await self._processes.survey(PATIENCE)

    async def _explain(self, pid: int, near: int) -> dict[str, Any]:
        if pid == os.getpid():
            raise AttestationError(f"process {pid} is the agent itself, which has no identity")
        caller = observe(pid)
        evidence = await self._processes.attest(caller)
        return explanation(
            facts_of(caller),
            evidence,
            self._identities.preview(evidence.selectors),
            entries=self._authority.entries,
            revoked=self._revoked(evidence.selectors),
            plan=self._plan,
            near=near,
        )


def _number(value: object, name: str, *, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise RequestError(f"{name}: expected a number from 0 to {most}")
    return value


def _filter(params: Params) -> ProcessFilter:
    texts = params.get("selectors", [])
    if not isinstance(texts, list):
        raise RequestError("selectors: expected a list")
    try:
        selectors = frozenset(Selector.parse(str(each)) for each in texts)
    except SelectorError as error:
        raise RequestError(str(error)) from None
    return ProcessFilter(selectors, str(params.get("image", "")), str(params.get("unit", "")))


def _nobody(wanted: ProcessFilter, survey: Survey) -> str:
    failures = {
        f"{name}: {reason}"
        for each in survey.seen
        for name, reason in each.evidence.failures.items()
    }
    told = f"no live process has {wanted}; {len(survey.seen)} were looked at"
    if survey.missed:
        told += f", {survey.missed} could not be"
    return "; ".join([told, *sorted(failures)[:3]])
