"""``accredit entry explain`` for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from accredit.agent import table

_Data = Mapping[str, Any]


def explanation_text(found: _Data) -> str:
    """Return what there is to say of each process."""
    parts = ["\n".join(_process(each)) for each in found["processes"]]
    if found["more"]:
        parts.append(f"and {found['more']} more processes")
    if found["missed"]:
        parts.append(f"{found['missed']} processes could not be looked at")
    return printable("\n\n".join(parts))


def printable(text: str) -> str:
    """Return text whose control characters are spelt out: names of processes are their own."""
    return "".join(
        char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text
    )


def one_line(text: str) -> str:
    """Return text that cannot look like several lines of ours."""
    return printable(text).replace("\n", "\\n")


def _process(each: _Data) -> Iterator[str]:
    facts = each["facts"]
    yield f"process {each['pid']} ({one_line(facts['name'])})"
    yield from _section("facts", table.facts(list(_facts(facts))))
    selectors = [(one_line(s["selector"]), s["trust"]) for s in each["selectors"]]
    yield from _section("selectors", table.render(("SELECTOR", "WHOSE WORD"), selectors))
    failures = [(name, one_line(reason)) for name, reason in each["failures"].items()]
    yield from _section("could not be told", table.facts(failures))
    yield from _section("entries that match", "\n".join(map(_matching, each["matching"])), "none")
    revoked = "\n".join(f"{one['id']} from {one_line(one['source'])}" for one in each["revoked"])
    yield from _section("revoked entries, which would match", revoked)
    near = "\n".join(line for miss in each["nearest"] for line in _miss(miss))
    yield from _section("nearest entries that do not", near)
    yield from _section("Workload API", "\n".join(_workload_api(each["workload_api"])))
    yield from _section("SDS", _sds(each["sds"]))


def _section(title: str, text: str, empty: str = "") -> Iterator[str]:
    text = text or empty
    if text:
        yield f"\n{title}"
        yield from (f"  {line}" for line in text.splitlines())


def _facts(facts: _Data) -> Iterator[tuple[str, str]]:
    yield "parent", str(facts["parent"])
    inner = facts["pids"][1:]
    if inner:
        yield "pid inside", " ".join(map(str, inner))
    yield "uid", _ids(facts["uids"])
    yield "gid", _ids(facts["gids"])
    yield "groups", " ".join(map(str, facts["groups"]))
    yield "executable", one_line(facts["executable"] or "not ours to see")
    other = [kind for kind, whose in facts["namespaces"].items() if whose != "own"]
    yield "namespaces not ours", " ".join(other)
    for line in facts["cgroup"]:
        yield "cgroup", one_line(line)


def _ids(ids: Sequence[int]) -> str:
    return " ".join(map(str, ids if len(set(ids)) > 1 else ids[:1]))


def _matching(entry: _Data) -> str:
    made = f", made of {entry['template']}" if entry["template"] else ""
    return f"{entry['id']} from {one_line(entry['source'])}{made}"


def _miss(miss: _Data) -> Iterator[str]:
    entry = miss["entry"]
    yield f"{entry['id']} from {one_line(entry['source'])}"
    for lack in miss["lacks"]:
        yield f"  lacks {one_line(lack['wanted'])}: {one_line(lack['reason'])}"


def _workload_api(answer: _Data | None) -> Iterator[str]:
    if answer is None:
        yield "switched off"
        return
    if not answer["svids"]:
        yield "no identity: PERMISSION_DENIED"
    for svid in answer["svids"]:
        hint = f", hint {one_line(svid['hint'])!r}" if svid["hint"] else ""
        end = svid["not_after"]
        state = f"ends {end}" if end else "signed when it is asked for"
        yield f"{svid['spiffe_id']}, ttl {svid['ttl']}{hint}, {state}"
    if answer["bundles"]:
        yield f"bundles of {', '.join(answer['bundles'])}"
    if answer["missing_bundles"]:
        yield f"not here yet: bundles of {', '.join(answer['missing_bundles'])}"


def _sds(answers: Sequence[_Data] | None) -> str:
    if answers is None:
        return "switched off"
    return table.facts([(one_line(each["name"]), one_line(each["answer"])) for each in answers])
