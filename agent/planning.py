"""``entry plan`` on the admin socket: who would gain or lose what under other entries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from accredit.agent.admin import Method, Params
from accredit.agent.entry_change import Change, change
from accredit.agent.plan import Plan
from accredit.agent.processes import Processes
from accredit.agent.subjects import Subject, Subjects, connected, everybody, outputs
from accredit.attestation.connection import AttestedWorkload
from accredit.authority.authority import Authority
from accredit.authority.entry_file import EntryDefaults
from accredit.authority.entry_files import EntryFiles
from accredit.authority.entry_set import EntryDiff, EntrySet, diff
from accredit.identity.durations import parse_duration
from accredit.identity.errors import RequestError
from accredit.identity.selector import Selector

PATIENCE = timedelta(seconds=20)
_PER_STEP = 50


class Planning:
    """Compares; it changes nothing. ``outputs`` are the names of those at work."""

    def __init__(  # noqa: PLR0913, PLR0917  each is another kind of subject, or its judge
        self,
        plan: Plan,
        processes: Processes,
        authority: Authority,
        workloads: Callable[[], Sequence[AttestedWorkload]],
        outputs: Callable[[], Iterable[str]],
        patience: timedelta = PATIENCE,
    ) -> None:
        self._plan = plan
        self._processes = processes
        self._authority = authority
        self._workloads = workloads
        self._outputs = outputs
        self._patience = patience

    @property
    def methods(self) -> Mapping[str, Method]:
        """Every method an administrator may call."""
        return {"entry.plan": self.plan}

    async def plan(self, params: Params) -> Any:
        """Compare the entries there are with those of ``documents``: ``[path, text]`` each.

        ``config`` names the one that is a whole configuration; ``all_processes`` looks at
        processes that are not connected, too.

        Raises:
            ConfigError: every mistake in the documents.
        """
        own = str(self._plan.trust_domain)
        if (theirs := params.get("trust_domain", own)) != own:
            raise RequestError(f"it is for trust domain {theirs}; this agent serves {own}")
        files, documents = _documents(params, self._plan)
        # A thread: ten thousand entries take half a second.
        new = self._authority.unrevoked(await asyncio.to_thread(files.parse, documents))
        old = self._authority.entries
        subjects = await self._subjects(all_processes=params.get("all_processes") is True)
        changes = await _changes(subjects.found, old, new)
        return {
            "entries": _counts(diff(old, new)),
            "looked_at": len(subjects.found),
            "missed": subjects.missed,
            "losing": sum(1 for _, each in changes if each.lost),
            "changes": [_view(subject, each) for subject, each in changes],
        }

    async def _subjects(self, *, all_processes: bool) -> Subjects:
        found = await connected(self._workloads(), self._patience)
        if all_processes:
            every = await everybody(self._processes, found.found, self._patience)
            found = Subjects(every.found, found.missed + every.missed)
        of_outputs = outputs(self._outputs())
        return Subjects([*found.found, *of_outputs], found.missed)


async def _changes(
    subjects: Sequence[Subject], old: EntrySet, new: EntrySet
) -> list[tuple[Subject, Change]]:
    known: dict[frozenset[Selector], Change] = {}
    for place, subject in enumerate(subjects):
        if place % _PER_STEP == 0:
            await asyncio.sleep(0)  # those who are served shall not wait for this
        if subject.selectors not in known:
            matches = old.match(subject.selectors), new.match(subject.selectors)
            known[subject.selectors] = change(*matches)
    found = [(each, known[each.selectors]) for each in subjects if known[each.selectors]]
    return sorted(found, key=lambda each: (each[0].pid is None, each[0].pid or 0, each[0].name))


def _counts(found: EntryDiff) -> dict[str, int]:
    return {
        "added": len(found.added),
        "removed": len(found.removed),
        "changed": len(found.changed),
    }


def _view(subject: Subject, found: Change) -> dict[str, Any]:
    kind = "output" if subject.pid is None else "process"
    about = {name: value for name, value in asdict(subject).items() if name != "selectors"}
    default = found.default and {"before": found.default[0], "after": found.default[1]}
    return {"kind": kind, **about, **asdict(found), "default": default}


def _documents(params: Params, plan: Plan) -> tuple[EntryFiles, list[tuple[Path, str]]]:
    files = replace(plan.entry_files, config=_config(params), defaults=_defaults(params, plan))
    match params.get("documents"):
        case [*pairs] if all(map(_is_document, pairs)):
            return files, [(Path(path), text) for path, text in pairs]
        case _:
            raise RequestError("documents: expected a list of pairs, path and text")


def _is_document(pair: object) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(e, str) for e in pair)


def _config(params: Params) -> Path | None:
    path = params.get("config")
    return Path(path) if isinstance(path, str) else None


def _defaults(params: Params, plan: Plan) -> EntryDefaults:
    present = plan.entry_files.defaults
    try:
        return EntryDefaults(
            _duration(params, "ttl", present.x509_ttl),
            _duration(params, "jwt_ttl", present.jwt_ttl),
        )
    except ValueError as error:
        raise RequestError(str(error)) from None


def _duration(params: Params, name: str, default: timedelta) -> timedelta:
    return parse_duration(str(params[name])) if name in params else default
