"""What ``accredit revoke`` prints for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accredit.agent import table

Data = Mapping[str, Any]


def revoked_text(answer: Data) -> str:
    """Return a line for each thing that was revoked, and what is in the way."""
    lines = [f"entry {each} is revoked" for each in answer.get("entries", ())]
    lines += [f"SVID {_facts(each)} is revoked" for each in answer["revoked"]]
    lines += [f"SVID {_facts(each)} was revoked before" for each in answer["revoked_before"]]
    return "\n".join([*lines, *_problem(answer)])


def lists_text(found: Data) -> str:
    """Return what is revoked, and the lists."""
    entries = [
        (each["spiffe_id"], each["entry_id"], each["since"], "yes" if each["declared"] else "")
        for each in found["entries"]
    ]
    svids = [
        (each["spiffe_id"], each["serial"], each["since"], each["not_after"])
        for each in found["svids"]
    ]
    crls = [
        (each["root"], str(each["number"]), str(each["revoked"]), each["next_update"])
        for each in found["crls"]
    ]
    parts = [
        table.render(("ENTRY OF", "ENTRY ID", "REVOKED", "IN THE FILES"), entries)
        if entries
        else "no entry is revoked",
        table.render(("SVID OF", "SERIAL", "REVOKED", "ENDS"), svids)
        if svids
        else "no SVID is revoked",
    ]
    if crls:
        parts.append(table.render(("LIST OF ROOT", "NUMBER", "REVOKED", "GOOD UNTIL"), crls))
    return "\n\n".join([*parts, *_problem(found)])


def _facts(svid: Data) -> str:
    return f"{svid['serial']} of {svid['spiffe_id']}, until {svid['not_after']},"


def _problem(answer: Data) -> list[str]:
    return [f"BUT {answer['problem']}"] if answer["problem"] else []
