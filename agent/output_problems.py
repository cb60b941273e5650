"""What an operator should know is wrong with outputs, in a line each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def problems_of_outputs(lines: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is wrong with each line of the ledger, as plain data."""
    for line in lines:
        yield from (f"output {line['name']!r}: {each}" for each in _of_one(line))


def _of_one(line: Mapping[str, Any]) -> Iterator[str]:
    if line["expired"]:
        yield f"the certificate in its files has expired (serial {line['serial']})"
    if line["lacking"]:
        yield f"no new files can be made: {line['lacking']}"
    if line["state"] == "failing":
        yield f"{line['last_error_step']} failed, {_tries(line)}: {line['last_error']}"
    for each in line["stale"]:
        yield f"a file is not renewed and holds what it held: {each}"
    for each in line["left_out"]:
        yield f"a file is left out: {each}"


def _tries(line: Mapping[str, Any]) -> str:
    times = "once" if line["attempts"] == 1 else f"{line['attempts']} times"
    return f"{times}; {_served(line)}" if line["version"] else times


def _served(line: Mapping[str, Any]) -> str:
    if not line["rolled_back"]:
        return f"the set before has serial {line['serial']}"
    seen = " and is served" if line["confirmed"] else ""
    return f"the set before is back{seen} (serial {line['serial']})"
