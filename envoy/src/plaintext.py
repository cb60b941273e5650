"""Who still speaks plaintext, from the access logs of permissive inbounds. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from accredit.envoy.way import Security

_MAX_CALLERS = 10_000
_OTHERS = "(others)"


@dataclass(slots=True)
class Caller:
    """What one address was seen to do; ``first`` and ``last`` as Envoy wrote them, in UTC."""

    address: str
    listener: str
    count: int = 0
    first: str = ""
    last: str = ""
    program: str = ""


@dataclass(slots=True)
class Plaintext:
    """Callers by address and listener, 10,000 at most: what comes on top is counted as one.

    ``lines`` counts all that were read, ``mtls`` the requests and connections that were secured.
    """

    lines: int = 0
    mtls: int = 0
    _callers: dict[tuple[str, str], Caller] = field(default_factory=dict)

    def read(self, lines: Iterable[str]) -> None:
        """Take in lines of an access log; a supervisor may have put something before each."""
        for line in lines:
            self.lines += 1
            entry = _entry(line)
            if entry.get("security") == Security.MTLS.value and "refused" not in entry:
                self.mtls += 1
            elif entry.get("security") == Security.PLAINTEXT.value:
                self._count(entry)

    @property
    def callers(self) -> list[Caller]:
        """All of them, those who call most first."""
        return sorted(self._callers.values(), key=lambda caller: (-caller.count, caller.address))

    def _count(self, entry: dict[str, Any]) -> None:
        listener = _text(entry, "listener")
        key = (_host(_text(entry, "from")), listener)
        if key not in self._callers and len(self._callers) >= _MAX_CALLERS:
            key = (_OTHERS, listener)
        caller = self._callers.setdefault(key, Caller(*key))
        time = _text(entry, "time")
        caller.count += 1
        caller.first = min(caller.first or time, time)
        caller.last = max(caller.last, time)
        caller.program = _text(entry, "user_agent") or caller.program


def _entry(line: str) -> dict[str, Any]:
    start = line.find("{")
    if start < 0:
        return {}
    try:
        entry = json.loads(line[start:])
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key, "")
    return "".join(c for c in value if c.isprintable())[:200] if isinstance(value, str) else ""


def _host(address: str) -> str:
    host, _, port = address.rpartition(":")
    return host.strip("[]") if host and port.isdecimal() else address
