"""``accredit entry plan`` for people: who is affected in the same way stands together. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from accredit.agent.explanation_text import one_line

_Data = Mapping[str, Any]
_WHAT = ("lost", "gained", "changed", "default")
_MOST_SHOWN = 10


def planning_text(found: _Data) -> str:
    """Return what would change, and for whom."""
    counts = ", ".join(f"{count} {what}" for what, count in found["entries"].items())
    groups: defaultdict[str, list[_Data]] = defaultdict(list)
    for each in found["changes"]:
        groups[json.dumps([each[what] for what in _WHAT])].append(each)
    parts = ["\n".join(_group(group)) for group in groups.values()]
    return "\n\n".join([f"entries: {counts}", *parts, _sum(found)])


def may_lose(found: _Data) -> bool:
    """Tell whether anybody would lose an identity, as far as everybody was looked at."""
    return bool(found["losing"] or found["missed"])


def _group(group: Sequence[_Data]) -> Iterator[str]:
    first = group[0]
    yield from (f"- {each}" for each in first["lost"])
    yield from (f"+ {each}" for each in first["gained"])
    for each in first["changed"]:
        before, after = (one_line(each[when]) or "none" for when in ("before", "after"))
        yield f"~ {each['spiffe_id']}: {each['term']} {before} -> {after}"
    if default := first["default"]:
        yield f"~ default: {default['before']} -> {default['after']}"
    yield from (f"    {_subject(each)}" for each in group[:_MOST_SHOWN])
    if len(group) > _MOST_SHOWN:
        yield f"    and {len(group) - _MOST_SHOWN} more"


def _subject(each: _Data) -> str:
    if each["kind"] == "output":
        return f"output {each['name']!r}"
    about = f"process {each['pid']} ({one_line(each['name'])}), uid {each['uid']}"
    if each["connections"] is None:
        about += ", not connected"
    return about + (", of which not all is known" if each["partial"] else "")


def _sum(found: _Data) -> str:
    told = f"{len(found['changes'])} of {found['looked_at']} processes and outputs are affected,"
    told += f" {found['losing']} of them lose an identity"
    return told + (f"; {found['missed']} could not be looked at" if found["missed"] else "")
