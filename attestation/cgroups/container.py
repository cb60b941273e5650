"""Which container the name of a cgroup claims. Pure; :mod:`locate` says whether to believe it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accredit.attestation.cgroups.membership import Membership
from accredit.identity.errors import AttestationError

_ID = re.compile(r"\b[0-9a-f]{64}\b", re.ASCII | re.IGNORECASE)
# Static pods have an MD5 sum for a uid, without dashes; systemd's slices have underscores.
_POD = re.compile(r"\bpod([0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})\b", re.ASCII)


@dataclass(frozen=True, slots=True)
class Container:
    """A container, and in each hierarchy that names it the directory that carries its name.

    ``folders`` maps hierarchies to paths. ``enclosing`` are the ids further up: whoever is root in
    an outer container may have made the inner cgroups, and named them as he liked.
    """

    id: str
    pod_uid: str | None
    folders: Mapping[str, str]
    enclosing: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Claim:
    id: str
    pod_uid: str | None
    enclosing: frozenset[str]


def container_of(memberships: Sequence[Membership]) -> Container | None:
    """Return the innermost container the memberships name; None for a process of the host.

    A hierarchy that names none does not count, and those that name a pod overrule the others.

    Raises:
        AttestationError: they name different containers or pods.
    """
    claims = [claim for claim in map(_claim, memberships) if claim is not None]
    claims = [claim for claim in claims if claim.pod_uid] or claims
    if not claims:
        return None
    ids, pods = {claim.id for claim in claims}, {claim.pod_uid for claim in claims}
    if len(ids) > 1 or len(pods) > 1:
        named = ", ".join(sorted(ids if len(ids) > 1 else map(str, pods)))
        raise AttestationError(f"the cgroups of the process name different containers: {named}")
    one = claims[0]
    enclosing = frozenset[str]().union(*(claim.enclosing for claim in claims))
    return Container(one.id, one.pod_uid, folders_of(one.id, memberships), enclosing)


def folders_of(container_id: str, memberships: Sequence[Membership]) -> Mapping[str, str]:
    """Return, for each hierarchy that names the container, the topmost directory that does."""
    found = {each.hierarchy: _folder(container_id, each.path) for each in memberships}
    return {hierarchy: folder for hierarchy, folder in found.items() if folder}


def _claim(membership: Membership) -> _Claim | None:
    found = list(_ID.finditer(membership.path))
    if not found:
        return None
    pods = _POD.findall(membership.path[: found[-1].start()])
    own = found[-1].group().lower()
    above = frozenset(match.group().lower() for match in found) - {own}
    return _Claim(own, pods[-1].replace("_", "-") if pods else None, above)


def _folder(container_id: str, path: str) -> str | None:
    for match in _ID.finditer(path):
        if match.group().lower() == container_id:
            return path[: match.end()] + path[match.end() :].partition("/")[0]
    return None
