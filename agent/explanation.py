"""Why one process has the identities it has, and not others: plain data. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from accredit.agent.plan import Plan
from accredit.agent.views import entry_view
from accredit.attestation.evidence import Evidence
from accredit.attestation.facts import Facts
from accredit.attestation.trust import trust
from accredit.authority.entry import Entry
from accredit.authority.entry_reasons import Miss, nearest
from accredit.authority.entry_set import EntrySet
from accredit.identity.durations import format_duration
from accredit.identity.moment import rfc3339
from accredit.rotation.entitlement import Entitlement
from accredit.rotation.snapshot import Snapshot
from accredit.sds_server.preview import preview


def explanation(  # noqa: PLR0913  all that is known of it
    facts: Facts,
    evidence: Evidence,
    granted: tuple[Entitlement, Snapshot],
    *,
    entries: EntrySet,
    revoked: Sequence[Entry],
    plan: Plan,
    near: int,
) -> dict[str, Any]:
    """Return everything there is to say; ``near`` entries that do not match are among it.

    ``revoked`` would match if an operator had not revoked them.
    """
    selectors = evidence.selectors
    return {
        "pid": facts.pid,
        "facts": asdict(facts),
        "selectors": [
            {"selector": str(each), "trust": trust(each).value} for each in sorted(selectors)
        ],
        "failures": dict(evidence.failures),
        "matching": [_matching(entry, entries) for entry in granted[0].entries],
        "revoked": [entry_view(each, revoked=True) for each in revoked],
        "nearest": [_miss(each) for each in nearest(entries, selectors, near)],
        "workload_api": _workload_api(*granted, plan),
        "sds": _sds(*granted, plan),
    }


def _matching(entry: Entry, entries: EntrySet) -> dict[str, Any]:
    template = entries.by_id(entry.template_id)
    return entry_view(entry) | {"template": template.shown_id if template else None}


def _miss(miss: Miss) -> dict[str, Any]:
    return {"entry": entry_view(miss.entry), "lacks": [asdict(each) for each in miss.lacks]}


def _workload_api(
    entitlement: Entitlement, snapshot: Snapshot, plan: Plan
) -> dict[str, Any] | None:
    if plan.workload_api is None:
        return None
    ends = {each.entry.entry_id: each.svid.not_after for each in snapshot.identities}
    may_verify = snapshot.entitled or plan.allow_unauthenticated_verifiers
    return {
        "svids": [
            {
                "spiffe_id": entry.shown_id,
                "hint": entitlement.hints[entry.entry_id],
                "ttl": format_duration(entry.x509_ttl),
                "jwt_ttl": format_duration(entry.jwt_ttl),
                "not_after": _time(ends.get(entry.entry_id)),
            }
            for entry in entitlement.entries
        ],
        "bundles": sorted(map(str, snapshot.bundles)) if may_verify else [],
        "missing_bundles": sorted(map(str, entitlement.federated - snapshot.bundles.keys())),
    }


def _sds(entitlement: Entitlement, snapshot: Snapshot, plan: Plan) -> list[dict[str, str]] | None:
    if plan.sds is None:
        return None
    found = preview(entitlement, snapshot, plan.sds)
    return [{"name": name, "answer": answer} for name, answer in found]


def _time(when: Any) -> str | None:
    return rfc3339(when) if when else None
