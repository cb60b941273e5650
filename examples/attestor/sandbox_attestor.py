"""Vouches for what a process has given up for good: new privileges, system calls, capabilities.

It gives ``sandbox:no_new_privs``, ``sandbox:seccomp`` and ``sandbox:no_capabilities``, as they are
for the main thread of the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from accredit.attestation.plugin import Caller, Trust

# Fields of /proc/PID/status, and when each of them means something; see proc(5).
_FACTS: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "no_new_privs": ("NoNewPrivs", lambda value: value == "1"),
    "seccomp": ("Seccomp", lambda value: value != "0"),
    "no_capabilities": ("CapPrm", lambda value: not int(value, 16)),
}


class Sandbox:
    """The attestor; its one option, ``facts``, says which facts to give."""

    trust = Trust.KERNEL

    def __init__(self, options: Mapping[str, Any]) -> None:
        facts = options.get("facts", list(_FACTS))
        if not isinstance(facts, list) or not set(facts) <= set(_FACTS) or set(options) - {"facts"}:
            raise ValueError(f"expected facts: a list of {', '.join(_FACTS)}")
        self._facts = facts

    def attest(self, caller: Caller) -> Iterator[str]:
        """Yield the facts that hold for a process."""
        lines = caller.read("status").decode(errors="replace").splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        for fact in self._facts:
            field, holds = _FACTS[fact]
            if field in status and holds(status[field].strip()):
                yield fact
